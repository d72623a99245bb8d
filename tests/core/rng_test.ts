import assert from "node:assert/strict";
import { randomBits, RandomStream } from "../../core/rng.ts";

/** Chi-square statistic of counts against equal expectation. */
function chiSquare(counts: Int32Array): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) /
    counts.length;
  return counts.reduce(
    (sum, count) => sum + (count - expected) ** 2 / expected,
    0,
  );
}

/**
 * Requires counts to look uniform: the statistic of k − 1 degrees of freedom
 * within 5 standard deviations. Seeds are fixed, so this never flickers.
 */
function assertUniform(counts: Int32Array): void {
  const freedom = counts.length - 1;
  const off = Math.abs(chiSquare(counts) - freedom) / Math.sqrt(2 * freedom);
  assert(off < 5, `${off} standard deviations off`);
}

Deno.test("randomBits() gives the frozen numbers of its key", () => {
  // Frozen: a change here would change every run that a seed describes.
  assert.deepEqual(
    [
      randomBits(0, "shuffle"),
      randomBits(42, "augment", 3, 17),
      randomBits(-1, "é", 2 ** 40),
    ],
    [1140077651, 831615726, 1703893753],
  );
});

Deno.test("randomBits() tells every part of the key apart", () => {
  const keys: [number, string, ...number[]][] = [
    [0, "a"],
    [1, "a"],
    [2 ** 32, "a"],
    [-1, "a"],
    [0, "b"],
    [0, "ab"],
    [0, "ba"],
    [0, "a", 0],
    [0, "a", 0, 0],
    [0, "a", 1, 0],
    [0, "a", 0, 1],
    [0, "a", 2 ** 32],
  ];
  const drawn = new Set(keys.map((key) => randomBits(...key)));
  assert.equal(drawn.size, keys.length);
  assert.equal(randomBits(7, "a", 1), randomBits(7, "a", 1));
});

Deno.test("randomBits() rejects what is no whole number", () => {
  for (const seed of [0.5, NaN, Infinity, 2 ** 53]) {
    assert.throws(() => randomBits(seed, "a"), {
      name: "RangeError",
      message: /Cannot key a random number: got .*, wanted a whole number/,
    });
  }
});

Deno.test("randomBits() is uniform over counters, in every bit", () => {
  const draws = 200_000;
  const high = new Int32Array(256);
  const low = new Int32Array(256);
  const pairs = new Int32Array(256);
  const ones = new Int32Array(32);
  let previous = 0;
  for (let i = 0; i < draws; i++) {
    const bits = randomBits(3, "test", 5, i);
    high[bits >>> 24]++;
    low[bits & 255]++;
    pairs[(previous & 15) * 16 + (bits & 15)]++;
    for (let bit = 0; bit < 32; bit++) ones[bit] += (bits >>> bit) & 1;
    previous = bits;
  }
  for (const counts of [high, low, pairs]) assertUniform(counts);
  for (const count of ones) {
    assert(Math.abs(count - draws / 2) < 5 * Math.sqrt(draws) / 2);
  }
});

Deno.test("randomBits() flips half of its bits when one key bit flips", () => {
  let flipped = 0;
  const trials = 32 * 200;
  for (let i = 0; i < 200; i++) {
    for (let bit = 0; bit < 32; bit++) {
      let change = randomBits(i, "t", i) ^ randomBits(i, "t", i + 2 ** bit);
      for (; change; change &= change - 1) flipped++;
    }
  }
  assert(Math.abs(flipped / trials - 16) < 0.2, `${flipped / trials}`);
});

Deno.test("RandomStream draws independent numbers for other purposes and samples", () => {
  const counts = new Int32Array(256);
  for (let i = 0; i < 50_000; i++) {
    const a = new RandomStream(1, "crop", 0, i).bits();
    const b = new RandomStream(1, "flip", 0, i).bits();
    counts[(a >>> 28) * 16 + (b >>> 28)]++;
  }
  assertUniform(counts);
});

Deno.test("RandomStream starts with the bits of its key and repeats itself", () => {
  const stream = () => new RandomStream(9, "shuffle", 4);
  const draw = (from: RandomStream) =>
    Array.from({ length: 9 }, () => from.next());
  assert.deepEqual(draw(stream()), draw(stream()));
  assert.equal(stream().bits(), randomBits(9, "shuffle", 4));
});

Deno.test("next() is uniform along one stream", () => {
  const stream = new RandomStream(5, "test");
  const counts = new Int32Array(100);
  const pairs = new Int32Array(100);
  let previous = 0;
  for (let i = 0; i < 200_000; i++) {
    const value = stream.next();
    assert(value >= 0 && value < 1);
    counts[Math.floor(value * 100)]++;
    pairs[Math.floor(previous * 10) * 10 + Math.floor(value * 10)]++;
    previous = value;
  }
  assertUniform(counts);
  assertUniform(pairs);
});

Deno.test("below() gives each number below n equally often", () => {
  const stream = new RandomStream(6, "test");
  for (const n of [2, 3, 7, 100]) {
    const counts = new Int32Array(n);
    for (let i = 0; i < 50_000; i++) counts[stream.below(n)]++;
    assertUniform(counts);
  }
  assert.equal(stream.below(1), 0);
  // A range of 3·2³⁰ would come out 2:1:1 by plain remainder.
  const thirds = new Int32Array(3);
  for (let i = 0; i < 30_000; i++) {
    thirds[Math.floor(stream.below(3 * 2 ** 30) / 2 ** 30)]++;
  }
  assertUniform(thirds);
});

Deno.test("below() rejects n it cannot serve", () => {
  for (const n of [0, -1, 1.5, NaN, 2 ** 32 + 1]) {
    assert.throws(() => new RandomStream(0, "a").below(n), {
      name: "RangeError",
      message: `Cannot draw a number below n: got ${n}, wanted 1 to 4294967296`,
    });
  }
});

Deno.test("normal() has the moments of the normal distribution", () => {
  const stream = new RandomStream(8, "test");
  const draws = 100_000;
  const moments = [0, 0, 0, 0];
  for (let i = 0; i < draws; i++) {
    const value = stream.normal();
    for (let k = 0; k < 4; k++) moments[k] += value ** (k + 1) / draws;
  }
  // 5 standard errors: √(E[x²ᵏ] − E[xᵏ]²) / √draws.
  const wanted = [[0, 1], [1, 2], [0, 15], [3, 96]];
  wanted.forEach(([moment, variance], k) => {
    assert(Math.abs(moments[k] - moment) < 5 * Math.sqrt(variance / draws));
  });
});

Deno.test("shuffle() reaches every order of four equally often", () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 24_000; i++) {
    const values = Int32Array.of(0, 1, 2, 3);
    new RandomStream(2, "shuffle", i).shuffle(values);
    const order = values.join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 24);
  assertUniform(Int32Array.from(counts.values()));
});
