import assert from "node:assert/strict";
import {
  meanDifference,
  pairedDifference,
} from "../../../../core/study/report/paired.ts";
import { studentQuantile } from "../../../../core/study/report/student_t.ts";
import { RandomStream } from "../../../../core/rng.ts";

/** Student's two-sided 95 % quantiles, from printed tables. */
const TABLE: readonly (readonly [degrees: number, t: number])[] = [
  [1, 12.706],
  [2, 4.303],
  [3, 3.182],
  [5, 2.571],
  [10, 2.228],
  [30, 2.042],
  [120, 1.98],
  [1e9, 1.96],
];

Deno.test("studentQuantile() agrees with printed tables", () => {
  for (const [degrees, t] of TABLE) {
    assert.equal(studentQuantile(0.95, degrees).toFixed(2), t.toFixed(2));
  }
  assert.ok(studentQuantile(0.95, 1.5) < 12.7);
  assert.ok(studentQuantile(0.95, 1.5) > 4.31);
  assert.throws(() => studentQuantile(0.95, 0.5), RangeError);
  assert.throws(() => studentQuantile(1, 5), RangeError);
});

const right = (text: string) => Uint8Array.from(text, Number);

Deno.test("pairedDifference() pairs images and is Student's for one seed", () => {
  // Differences 1, 0, 0, 1, 0, -1, 0, 1.
  const found = pairedDifference(
    new Map([[0, right("11011011")]]),
    new Map([[0, right("01001110")]]),
  )!;
  assert.equal(found.mean, 0.25);
  const sd = Math.sqrt((4 - 8 * 0.25 ** 2) / 7);
  const half = 2.3646 * sd / Math.sqrt(8);
  assert.ok(Math.abs(found.high - 0.25 - half) < 1e-4);
  assert.ok(Math.abs(0.25 - found.low - half) < 1e-4);
  assert.deepEqual([found.seeds, found.images], [1, 8]);
});

Deno.test("pairedDifference() takes only the seeds that both have", () => {
  const found = pairedDifference(
    new Map([[0, right("1111")], [1, right("1100")], [5, right("1110")]]),
    new Map([[1, right("1000")], [5, right("1100")], [6, right("0000")]]),
  )!;
  assert.deepEqual([found.mean, found.seeds], [0.25, 2]);
  assert.equal(
    pairedDifference(
      new Map([[0, right("11")]]),
      new Map([[1, right("10")]]),
    ),
    undefined,
  );
});

Deno.test("pairedDifference() is certain of equal runs, and refuses others", () => {
  const same = new Map([[0, right("1010")], [1, right("1110")]]);
  const { mean, low, high } = pairedDifference(same, same)!;
  assert.deepEqual([mean, low, high], [0, 0, 0]);
  assert.throws(
    () => pairedDifference(same, new Map([[0, right("10")]])),
    TypeError,
  );
});

Deno.test("meanDifference() weighs data sets alike", () => {
  const a = pairedDifference(
    new Map([[0, right("11101110")]]),
    new Map([[0, right("01001010")]]),
  )!;
  const b = pairedDifference(
    new Map([[0, right("11001100")]]),
    new Map([[0, right("11001100")]]),
  )!;
  const both = meanDifference([a, b])!;
  assert.equal(both.mean, a.mean / 2);
  assert.equal(both.images, 16);
  assert.ok(Math.abs(both.high - both.mean - (a.high - a.mean) / 2) < 1e-12);
  assert.equal(meanDifference([]), undefined);
});

Deno.test("pairedDifference() ends where shares end", () => {
  const { low, high } = pairedDifference(
    new Map([[0, right("11")]]),
    new Map([[0, right("01")]]),
  )!;
  assert.deepEqual([low, high], [-1, 1]);
});

/** Draws two settings that differ by 0.1, with effects of seeds and images. */
function simulate(random: RandomStream, seeds: number) {
  const images = 200;
  const ease = Array.from({ length: images }, () => random.next());
  const draw = (more: number) =>
    new Map(Array.from({ length: seeds }, (_, seed) => {
      const luck = 0.06 * (random.next() - 0.5);
      return [
        seed,
        Uint8Array.from(
          ease,
          (p) => Number(random.next() < 0.1 + 0.7 * p + more + luck),
        ),
      ];
    }));
  return pairedDifference(draw(0.1), draw(0))!;
}

for (const seeds of [2, 3, 5]) {
  Deno.test(`pairedDifference() covers the truth with ${seeds} seeds`, () => {
    const random = new RandomStream(seeds, "coverage");
    const repeats = 400;
    let covered = 0;
    for (let i = 0; i < repeats; i++) {
      const { low, high } = simulate(random, seeds);
      if (low <= 0.1 && 0.1 <= high) covered++;
    }
    // On the wide side, as promised, but not without end.
    assert.ok(covered / repeats > 0.94, `${covered} of ${repeats}`);
    assert.ok(covered / repeats < 0.998, `${covered} of ${repeats}`);
  });
}
