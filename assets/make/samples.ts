/** Images with labels, gathered and packed into a data set file. */

import { RandomStream } from "../../core/rng.ts";
import {
  type DatasetDescription,
  encodeDataset,
  type Split,
  type SplitName,
} from "../../core/data/dataset.ts";
import { writeFile } from "../../core/weights/write_file.ts";
import { SIZE } from "./paint.ts";

/** One image, `[SIZE, SIZE, 3]`, and the number of its class. */
export interface Sample {
  image: Uint8Array;
  label: number;
}

/** The two splits that every source of the corpus gives. */
export interface Splits {
  train: Sample[];
  validation: Sample[];
}

/** Returns `0 … count − 1` in a random order. */
export function shuffledOrder(
  count: number,
  random: RandomStream,
): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  random.shuffle(order);
  return order;
}

/** Lays samples of SIZE × SIZE end to end in a random order. */
export function packSamples(samples: Sample[], random: RandomStream): Split {
  const bytes = SIZE * SIZE * 3;
  const count = samples.length;
  const images = new Uint8Array(count * bytes);
  const labels = new Int32Array(count);
  shuffledOrder(count, random).forEach((from, to) => {
    images.set(samples[from].image, to * bytes);
    labels[to] = samples[from].label;
  });
  return { images, labels, count };
}

/**
 * Writes a packed data set and returns a line on what was written: counts,
 * bytes and sha256.
 *
 * @throws {RangeError} If something is at that path.
 */
export async function writeSamples(
  path: string,
  samples: Partial<Record<SplitName, Sample[]>>,
  about: { classes: string[]; seed: number; description: DatasetDescription },
): Promise<string> {
  const splits = new Map<SplitName, Split>();
  for (const [name, members] of Object.entries(samples)) {
    const order = new RandomStream(about.seed, `order of ${name}`);
    splits.set(name as SplitName, packSamples(members, order));
  }
  const { classes, description } = about;
  const dataset = { imageSize: SIZE, classes, splits, description };
  const bytes = encodeDataset(dataset, path);
  await writeFile(path, bytes);
  const counts = [...splits].map(([name, { count }]) => `${count} ${name}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `${path}: ${counts.join(", ")} images of ${classes.length} classes, ` +
    `${bytes.length} bytes, sha256 ${digest.toHex()}`;
}
