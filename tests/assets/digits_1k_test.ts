import assert from "node:assert/strict";
import { readDataset } from "../../core/data/dataset.ts";

const assets = new URL("../../assets/", import.meta.url);
const path = new URL("digits_1k.safetensors", assets).pathname;

/** How many images of each class each split has. */
const PER_CLASS = { train: 80, validation: 20, test: 200 };

Deno.test("digits_1k has 80, 20 and 200 images of every digit", async () => {
  const { classes, splits, imageSize } = await readDataset(path);
  assert.equal(imageSize, 32);
  assert.deepEqual(classes, [..."0123456789"]);
  assert.deepEqual([...splits.keys()], Object.keys(PER_CLASS));
  for (const [name, { labels, count }] of splits) {
    const each = PER_CLASS[name];
    assert.equal(count, each * 10);
    const counts = new Array<number>(10).fill(0);
    for (const label of labels) counts[label]++;
    assert.deepEqual(counts, new Array<number>(10).fill(each), name);
  }
});

Deno.test("digits_1k has no image twice, within or across splits", async () => {
  const { splits, imageSize } = await readDataset(path);
  const bytes = imageSize * imageSize * 3;
  const seen = new Set<string>();
  let count = 0;
  for (const split of splits.values()) {
    for (let i = 0; i < split.count; i++) {
      seen.add(split.images.subarray(i * bytes, (i + 1) * bytes).join());
    }
    count += split.count;
  }
  assert.equal(seen.size, count);
});

Deno.test("digits_1k is the file that its card tells of", async () => {
  const { hash } = await readDataset(path);
  const card = await Deno.readTextFile(new URL("digits_1k.md", assets));
  assert.ok(card.includes(hash), `the card lacks ${hash}`);
});
