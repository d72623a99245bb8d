import assert from "node:assert/strict";
import { Pace } from "../../../core/train/pace.ts";

/** The depth after steps that take a while each and end one by one. */
function depthOf(milliseconds: number, steps = 10): number {
  const pace = new Pace(8);
  let now = 1000;
  pace.finished(now, now += 9000);
  for (let i = 0; i < steps; i++) pace.finished(now, now += milliseconds);
  return pace.depth;
}

Deno.test("Pace.depth is what takes half a second, at most and at least", () => {
  assert.equal(new Pace(8).depth, 1);
  assert.equal(depthOf(100, 0), 1);
  assert.equal(depthOf(1), 8);
  assert.equal(depthOf(60), 8);
  assert.equal(depthOf(100), 5);
  assert.equal(depthOf(240), 2);
  assert.equal(depthOf(4000), 1);
});

Deno.test("Pace.depth counts neither pauses nor steps that end together", () => {
  const pace = new Pace(8);
  let now = 0;
  pace.finished(now, now += 50);
  for (let round = 0; round < 4; round++) {
    // An evaluation.
    now += 10_000;
    const started = now;
    now += 800;
    for (let step = 0; step < 8; step++) pace.finished(started, now);
  }
  assert.equal(pace.depth, 5);
});
