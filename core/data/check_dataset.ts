/**
 * Looks a data set over: how many images of each class, what their colours are,
 * and whether the same image is there twice.
 *
 * @module
 */
import type { Dataset, Split, SplitName } from "./dataset.ts";

/** What was found in one split. */
export interface SplitCheck {
  /** Number of images. */
  count: number;
  /** Number of images of each class. */
  perClass: number[];
  /** Mean of red, green and blue, for values 0 to 1. */
  mean: number[];
  /** Standard deviation of red, green and blue, for values 0 to 1. */
  std: number[];
}

/** An image, by its place. */
export interface ImagePlace {
  /** Which split. */
  split: SplitName;
  /** Position in it. */
  index: number;
}

/** Two images that are equal in every pixel. */
export interface Duplicate {
  /** The earlier one. */
  first: ImagePlace;
  /** The later one. */
  second: ImagePlace;
  /** Whether they have the same class. */
  sameLabel: boolean;
}

/** What was found in a data set. */
export interface DatasetCheck {
  /** What was found in each split. */
  splits: Map<SplitName, SplitCheck>;
  /** Each image that is equal to an earlier one, with the first such. An image
   * in two splits makes results look better than they are. */
  duplicates: Duplicate[];
}

/** Looks a data set over. */
export function checkDataset(
  dataset: Pick<Dataset, "splits" | "classes">,
): DatasetCheck {
  const splits = new Map<SplitName, SplitCheck>();
  for (const [name, split] of dataset.splits) {
    const perClass = dataset.classes.map(() => 0);
    for (const label of split.labels) perClass[label]++;
    splits.set(name, { count: split.count, perClass, ...colours(split) });
  }
  return { splits, duplicates: findDuplicates(dataset.splits) };
}

function colours({ images }: Split): { mean: number[]; std: number[] } {
  const counts = [0, 1, 2].map(() => new Float64Array(256));
  for (let i = 0; i < images.length; i += 3) {
    counts[0][images[i]]++;
    counts[1][images[i + 1]]++;
    counts[2][images[i + 2]]++;
  }
  const pixels = images.length / 3;
  const mean = counts.map((levels) =>
    levels.reduce((sum, count, level) => sum + count * level, 0) / pixels / 255
  );
  const std = counts.map((levels, c) => {
    const squares = levels.reduce(
      (sum, count, level) => sum + count * (level / 255 - mean[c]) ** 2,
      0,
    );
    return Math.sqrt(squares / pixels);
  });
  return { mean, std };
}

interface Seen extends ImagePlace {
  pixels: Uint8Array;
  label: number;
}

function findDuplicates(splits: Map<SplitName, Split>): Duplicate[] {
  const seen = new Map<number, Seen[]>();
  const duplicates: Duplicate[] = [];
  for (const [split, { images, labels, count }] of splits) {
    const size = images.length / count;
    for (let index = 0; index < count; index++) {
      const pixels = images.subarray(index * size, (index + 1) * size);
      const hash = hashOf(pixels);
      const alike = seen.get(hash);
      const first = alike?.find((other) => equal(other.pixels, pixels));
      if (first) {
        duplicates.push({
          first: { split: first.split, index: first.index },
          second: { split, index },
          sameLabel: first.label === labels[index],
        });
      } else {
        const image = { split, index, pixels, label: labels[index] };
        if (alike) alike.push(image);
        else seen.set(hash, [image]);
      }
    }
  }
  return duplicates;
}

/** FNV-1a; images of equal hash are compared byte by byte. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) {
    hash = Math.imul(hash ^ bytes[i], 0x01000193);
  }
  return hash;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
