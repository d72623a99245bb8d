import assert from "node:assert/strict";
import { CheckBudget, familyCosts } from "../../kernels/check_budget.ts";
import { kernelChecks, LONG_ATTENTION } from "../../kernels/kernel_checks.ts";

/** Milliseconds that llvmpipe took for each family, in the order of the table. */
const COMPILED = {
  "Mesa 22.3": [40, 32, 47, 68, 88, 138, 318, 233, 68],
  "Mesa 25.0": [53, 57, 113, 110, 212, 358, 756, 544, 105],
};
const CACHED = {
  "Mesa 22.3": [10, 5, 5, 7, 8, 13, 24, 24, 20],
  "Mesa 25.0": [12, 6, 7, 8, 10, 15, 24, 26, 21],
};

/** How many families are tried, and what they take together. */
function reached(
  takes: readonly number[],
  milliseconds?: number,
): { families: number; spent: number } {
  let now = 1000;
  const budget = new CheckBudget({ milliseconds, now: () => now });
  const costs = [...familyCosts.values()];
  let families = 0;
  while (families < costs.length && budget.allows(costs[families])) {
    now += takes[families++];
  }
  return { families, spent: now - 1000 };
}

Deno.test("familyCosts has every family that a new device is tried with", () =>
  assert.deepEqual(
    [...familyCosts.keys()].sort(),
    [...kernelChecks.keys()].filter((name) => name !== LONG_ATTENTION).sort(),
  ));

for (const [driver, takes] of Object.entries(COMPILED)) {
  Deno.test(`CheckBudget is kept where ${driver} compiles, at any speed`, () => {
    const { families } = reached(takes);
    assert.ok(families >= 2 && families < takes.length, `${families}`);
    for (let speed = 1 / 8; speed < 64; speed *= 1.05) {
      const { families, spent } = reached(takes.map((time) => time / speed));
      assert.ok(families === 1 || spent < 185, `${spent} at ${speed}`);
    }
  });
}

for (const [driver, takes] of Object.entries(CACHED)) {
  Deno.test(`CheckBudget has time for all where ${driver} has them cached`, () =>
    assert.equal(reached(takes).families, takes.length));
}

Deno.test("CheckBudget allows nothing with none, and all without end", () => {
  const takes = COMPILED["Mesa 25.0"];
  assert.equal(reached(takes, 0).families, 0);
  assert.equal(reached(takes, Infinity).families, takes.length);
});
