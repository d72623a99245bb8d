import assert from "node:assert/strict";
import fc from "fast-check";
import type { SplitName } from "../../../core/data/dataset.ts";
import { type Amounts, splitPools } from "../../../core/data/split_pools.ts";

const pool = (labels: ArrayLike<number>) => Int32Array.from(labels);

function countsOf(labels: Int32Array, indices: Int32Array): number[] {
  const counts: number[] = [];
  for (const i of indices) counts[labels[i]] = (counts[labels[i]] ?? 0) + 1;
  return counts;
}

Deno.test("splitPools() cuts every class in proportion, without overlap", () => {
  const labels = pool(
    Array.from({ length: 1000 }, (_, i) => i % 10 < 7 ? 0 : 1),
  );
  const splits = splitPools(
    new Map([["train", labels]]),
    { train: 500, validation: 0.1, test: 200 },
    1,
  );
  assert.deepEqual([...splits.keys()], ["train", "validation", "test"]);
  const counts = [...splits.values()].map(({ indices }) =>
    countsOf(labels, indices)
  );
  assert.deepEqual(counts, [[350, 150], [70, 30], [140, 60]]);
  const all = [...splits.values()].flatMap(({ indices }) => [...indices]);
  assert.equal(new Set(all).size, 800);
  for (const { indices } of splits.values()) {
    assert.deepEqual(indices, indices.toSorted());
  }
});

Deno.test("splitPools() keeps pools that are there, and takes all by default", () => {
  const pools = new Map<SplitName, Int32Array>([
    ["train", pool([0, 1, 0, 1])],
    ["test", pool([1, 0])],
  ]);
  const splits = splitPools(pools, { validation: 0.5 }, 3);
  assert.equal(splits.get("train")?.indices.length, 2);
  assert.deepEqual(splits.get("validation")?.pool, "train");
  assert.deepEqual(splits.get("test"), { pool: "test", indices: pool([0, 1]) });
  assert(!splitPools(pools, { test: 0 }, 3).has("test"));
});

Deno.test("splitPools() depends on the seed and on nothing else", () => {
  const labels = pool(Array.from({ length: 60 }, (_, i) => i % 3));
  const cut = (seed: number) =>
    splitPools(new Map([["train", labels]]), { test: 20 }, seed).get("test");
  assert.deepEqual(cut(5), cut(5));
  assert.notDeepEqual(cut(5), cut(6));
});

Deno.test("splitPools() is exact for any classes and amounts", () => {
  const classSizes = fc.array(fc.integer({ min: 1, max: 40 }), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(classSizes, fc.nat(), fc.nat(), (sizes, a, b) => {
      const labels = pool(sizes.flatMap((size, i) => Array(size).fill(i)));
      const validation = a % (labels.length + 1);
      const test = b % (labels.length - validation + 1);
      // No training images, so that none of a class may be missing.
      const splits = splitPools(
        new Map([["train", labels]]),
        { train: 0, validation, test },
        7,
      );
      assert.equal(splits.get("validation")?.indices.length ?? 0, validation);
      assert.equal(splits.get("test")?.indices.length ?? 0, test);
      const counts = countsOf(
        labels,
        splits.get("validation")?.indices ?? pool([]),
      );
      sizes.forEach((size, i) => {
        const share = validation * size / labels.length;
        assert(Math.abs((counts[i] ?? 0) - share) < 1);
      });
    }),
    { seed: 1, interruptAfterTimeLimit: 2000 },
  );
});

const wrong: [string, Amounts, RegExp][] = [
  [
    "more than there is",
    { test: 5 },
    /Cannot cut 5 test images: got a pool of 4/,
  ],
  ["a negative amount", { train: -1 }, /got -1, wanted a count or a fraction/],
  ["a fraction above 1", { train: 1.5 }, /got 1.5, wanted/],
  ["no number", { test: NaN }, /got NaN, wanted/],
  ["a class without training images", { train: 1 }, /got none of class 1/],
];
for (const [what, amounts, message] of wrong) {
  Deno.test(`splitPools() rejects ${what}`, () => {
    const pools = new Map([["train" as const, pool([0, 0, 0, 1])]]);
    assert.throws(() => splitPools(pools, amounts, 0), {
      name: "RangeError",
      message,
    });
  });
}
