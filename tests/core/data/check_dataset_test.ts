import assert from "node:assert/strict";
import { checkDataset } from "../../../core/data/check_dataset.ts";
import type { Split, SplitName } from "../../../core/data/dataset.ts";

/** A split of images of one pixel. */
function split(pixels: number[][], labels: number[]): Split {
  return {
    images: Uint8Array.from(pixels.flat()),
    labels: Int32Array.from(labels),
    count: labels.length,
  };
}

Deno.test("checkDataset() counts classes and measures colours", () => {
  const train = split([[0, 51, 255], [255, 51, 0], [0, 51, 255], [1, 2, 3]], [
    2,
    0,
    2,
    2,
  ]);
  const { splits } = checkDataset({
    classes: ["a", "b", "c"],
    splits: new Map([["train", { ...train, count: 4 }]]),
  });
  const found = splits.get("train")!;
  assert.deepEqual(found.perClass, [1, 0, 3]);
  assert.equal(found.count, 4);
  const red = [0, 1, 0, 1 / 255];
  const mean = red.reduce((sum, value) => sum + value) / 4;
  const variance = red.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4;
  // Equal to 12 digits: both sums are in f64.
  assert.equal(found.mean[0].toFixed(12), mean.toFixed(12));
  assert.equal(found.std[0].toFixed(12), Math.sqrt(variance).toFixed(12));
});

Deno.test("checkDataset() finds equal images within and between splits", () => {
  const splits = new Map<SplitName, Split>([
    ["train", split([[1, 2, 3], [4, 5, 6], [1, 2, 3]], [0, 1, 0])],
    ["test", split([[3, 2, 1], [4, 5, 6]], [0, 0])],
  ]);
  const { duplicates } = checkDataset({ classes: ["a", "b"], splits });
  assert.deepEqual(duplicates, [
    {
      first: { split: "train", index: 0 },
      second: { split: "train", index: 2 },
      sameLabel: true,
    },
    {
      first: { split: "train", index: 1 },
      second: { split: "test", index: 1 },
      sameLabel: false,
    },
  ]);
});
