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
  const found = summarise(plan, [fakeRun(count, 1), fakeRun(count, 3)]);
  assert.equal(found.total, 4 * count);
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

Deno.test("profilePlan() warms up and takes the faster half", async () => {
  using model = tinyModel(openReferenceEngine(), "linear");
  const plan = model.forwardPlan(1);
  const times = [1, 9, 4, 8, 2];
  const run = () =>
    Promise.resolve(fakeRun(plan.calls.length, times.shift() ?? NaN));
  const found = await profilePlan(plan, run, 4);
  // The 1 warms up; 2 and 4 are the faster half of the others.
  assert.equal(found.total, 6 * plan.calls.length);
});
