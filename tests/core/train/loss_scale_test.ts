import assert from "node:assert/strict";
import { ops } from "../../../core/ops/mod.ts";
import { lossScale, scaledAdamw } from "../../../core/train/loss_scale.ts";
import { adamwSettings } from "../../../core/train/schedule.ts";
import { assertClose } from "../../support/assert_close.ts";
import {
  halfPlanningEngine,
  planningEngine,
} from "../../support/planning_engine.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

Deno.test("lossScale() is a power of two that outweighs the mean, or one", () => {
  assert.equal(lossScale(planningEngine(), 64), 1);
  for (const batch of [1, 3, 32, 33]) {
    const scale = lossScale(halfPlanningEngine(), batch);
    assert.equal(Math.log2(scale) % 1, 0);
    assert.ok(scale / batch >= 1024 && scale / batch < 2048);
  }
});

Deno.test("scaledAdamw() gives the updates of unscaled gradients", () => {
  const options = {
    betas: [0.9, 0.99],
    eps: 1e-3,
    weightDecay: 0.1,
    clip: 0.5,
  } as const;
  const scale = 2 ** 15;
  const updated = [1, scale].map((factor) => {
    const p = Float64Array.of(0.3, -0.7, 1.1);
    const [m, v] = [new Float64Array(3), new Float64Array(3)];
    for (let step = 0; step < 3; step++) {
      const gradient = Float64Array.of(0.2, -1e-4, 0.9)
        .map((g) => g * (step + 1) * factor);
      const norm = Float64Array.of(Math.hypot(...gradient));
      const settings = Float64Array.from(
        adamwSettings(step, 0.01, scaledAdamw(options, factor)),
      );
      const inputs = [p, gradient, m, v, norm, settings];
      ops.get("adamw")!.reference(inputs, { count: 3 });
    }
    return p;
  });
  assertClose(updated[1], updated[0], TOLERANCE.kernel, "parameters");
});
