import assert from "node:assert/strict";
import { profilePlan, summarise } from "../../../core/train/profile.ts";
import type { RunProfile } from "../../../kernels/engine.ts";
import { openReferenceEngine } from "../../support/reference_engine.ts";
import { tinyModel } from "../../support/tiny.ts";

function fakeRun(calls: number, busy: number): RunProfile {
  return {
    calls: Array.from({ length: calls }, () => ({ busy, waiting: busy / 4 })),
    total: 2 * calls * busy,
  };
}

Deno.test("summarise() groups calls by op and by shape", () => {
  using model = tinyModel(openReferenceEngine(), "alore");
  const plan = model.forwardPlan(2);
  const count = plan.calls.length;
  const found = summarise(plan, [
    fakeRun(count, 3),
    fakeRun(count, 2),
    fakeRun(count, 5),
  ]);
  assert.equal(found.total, 4 * count);
  assert.equal(found.median, 6 * count);
  assert.equal(found.waiting, count / 2);
  assert.equal(found.outside, 4 * count - 2.5 * count);
  for (const part of [found.ops, found.shapes]) {
    const calls = part.reduce((sum, op) => sum + op.calls, 0);
    assert.equal(calls, count);
    const share = part.reduce((sum, op) => sum + op.share, 0);
    assert.equal(Math.round(1e9 * share), 0.5e9);
  }
  const kernels = plan.calls.map(({ kernel }) => kernel);
  assert.equal(found.ops.length, new Set(kernels).size);
  assert.ok(found.shapes.length > found.ops.length);
  const norms = found.ops.find(({ kernel }) => kernel === "layer_norm");
  assert.equal(norms?.calls, 5);
  assert.equal(norms?.busy, 10);
});

Deno.test("profilePlan() takes the least of each call after a warm-up", async () => {
  using model = tinyModel(openReferenceEngine(), "linear");
  const plan = model.forwardPlan(1);
  const count = plan.calls.length;
  const times = [1, 9, 4];
  const run = () => {
    const made = fakeRun(count, times.shift() ?? NaN);
    // Something else came in between.
    const calls = made.calls.with(0, {
      busy: times.length ? 2 : 30,
      waiting: 0,
    });
    return Promise.resolve({ ...made, calls });
  };
  const found = await profilePlan(plan, run, 2);
  const busy = found.ops.reduce((sum, op) => sum + op.busy, 0);
  assert.equal(busy, 2 + 4 * (count - 1));
});
