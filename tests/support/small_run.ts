/**
 * A small backbone and data set in files, so that commands run in a moment.
 *
 * @module
 */

import { type UnsavedDataset, writeDataset } from "../../core/data/dataset.ts";
import {
  readBackbone,
  scratchBackbone,
  writeBackbone,
} from "../../core/models/backbone.ts";
import type { VitConfig } from "../../core/models/vit.ts";
import { RandomStream } from "../../core/rng.ts";
import { Sources } from "../../core/study/sources.ts";

/** Sizes of the small backbone. */
export const SMALL: VitConfig = {
  architecture: "vit",
  imageSize: 16,
  patchSize: 4,
  channels: 3,
  width: 48,
  depth: 2,
  heads: 3,
  mlpHidden: 96,
  classes: 5,
  eps: 1e-6,
};

/** Writes `small.safetensors`, a backbone. */
export async function writeSmallBackbone(folder: string): Promise<void> {
  const backbone = scratchBackbone("small", SMALL, 0);
  await writeBackbone(`${folder}/small.safetensors`, backbone);
}

/** Images of noise around a colour for each class. */
export function smallDataset(
  classes: readonly string[] = ["blue", "green", "red"],
  imageSize = SMALL.imageSize,
): UnsavedDataset {
  const split = (count: number, name: string) => {
    const random = new RandomStream(0, name);
    const labels = Int32Array.from(
      { length: count },
      (_, i) => i % classes.length,
    );
    const bytes = imageSize ** 2 * 3;
    const images = Uint8Array.from({ length: count * bytes }, (_, i) => {
      const label = labels[Math.floor(i / bytes)];
      return (i % 3 === label % 3 ? 120 : 40) + 100 * random.next();
    });
    return { images, labels, count };
  };
  return {
    imageSize,
    classes: [...classes],
    splits: new Map([
      ["train", split(30, "train")],
      ["validation", split(9, "validation")],
      ["test", split(12, "test")],
    ]),
    description: {
      name: "colours",
      source: "made for a test",
      licence: "CC0-1.0",
      preparedWith: "a test",
      resize: { filter: "bicubic", size: imageSize, fit: "stretch" },
      notes: "",
    },
  };
}

/** Writes `small.safetensors` and `data.safetensors`. */
export async function writeSmallFiles(folder: string): Promise<void> {
  await writeSmallBackbone(folder);
  await writeDataset(`${folder}/data.safetensors`, smallDataset());
}

/** The words that train on them, in an instant. */
export const SMALL_TRAIN: readonly string[] = [
  "train",
  "--data=data.safetensors",
  "--backbone=small.safetensors",
  "--device=cpu",
  "--threads=1",
  "--batch-size=8",
  "--epochs=2",
];

/** Reads what the functions here write. */
export function smallSources(): Sources {
  return new Sources({
    open: (path) => readBackbone(path),
    seeded: () => false,
  });
}
