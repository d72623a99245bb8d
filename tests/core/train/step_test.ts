import assert from "node:assert/strict";
import { trainPlan } from "../../../core/train/step.ts";
import { batchInputs } from "../../../core/train/stepper.ts";
import { adamwSettings } from "../../../core/train/schedule.ts";
import { defaultSettings } from "../../../core/train/settings.ts";
import type { HostArray, Plan } from "../../../kernels/engine.ts";
import { assertClose } from "../../support/assert_close.ts";
import { fill } from "../../support/fill.ts";
import { openReferenceEngine } from "../../support/reference_engine.ts";
import { tinyConfig, tinyModel } from "../../support/tiny.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

const BATCH = 7;

/** Rows of each part, by the plan's inputs. */
function parts(plan: Plan): number[] {
  return [...plan.inputs].filter(([name]) => name.startsWith("labels"))
    .map(([, place]) => place.shape[0]);
}

async function step(
  method: string,
  arenaBytes?: number,
): Promise<{ plan: Plan; results: Record<string, HostArray> }> {
  const engine = openReferenceEngine();
  using model = tinyModel(engine, method);
  const plan = trainPlan(model, {
    batch: BATCH,
    smoothing: 0.1,
    dropPath: true,
    arenaBytes,
    inspect: true,
  });
  const size = [BATCH, 3, tinyConfig.imageSize, tinyConfig.imageSize];
  const images = fill({ shape: size, kind: "normal" }, 1) as Float32Array<
    ArrayBuffer
  >;
  const labels = Int32Array.of(0, 2, -1, 1, -1, -1, 2);
  const branches = model.branches.length;
  const dropPath = Float32Array.from(
    { length: branches * BATCH },
    (_, i) => i % 3 === 0 ? 0 : 1.5,
  );
  const program = await engine.compile(plan);
  const results = await program.run({
    ...batchInputs(plan, { images, labels }, dropPath),
    settings: adamwSettings(0, 1e-3, defaultSettings),
  });
  program.close();
  return { plan, results };
}

Deno.test("trainPlan() gives the same in parts as in one", async () => {
  const whole = await step("alore");
  assert.deepEqual(parts(whole.plan), [BATCH]);
  const cut = await step("alore", 0.45 * whole.plan.arenaBytes);
  assert.deepEqual(parts(cut.plan), [2, 2, 3]);
  assert.ok(cut.plan.arenaBytes < 0.8 * whole.plan.arenaBytes);
  for (const [name, wanted] of Object.entries(whole.results)) {
    if (name === "logits") continue;
    assertClose(cut.results[name], wanted, TOLERANCE.golden64, name);
  }
});

Deno.test("trainPlan() stays whole where gradients outweigh activations", async () => {
  const whole = await step("full");
  const { plan } = await step("full", 0.45 * whole.plan.arenaBytes);
  assert.deepEqual(parts(plan), [BATCH]);
});
