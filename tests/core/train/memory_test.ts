import assert from "node:assert/strict";
import { findMethod, resolveOptions } from "../../../core/methods/mod.ts";
import { AdaptedModel } from "../../../core/models/adapted_model.ts";
import { modelShape } from "../../../core/models/architectures.ts";
import { findBackbone } from "../../../core/models/zoo.ts";
import { trainPlan } from "../../../core/train/step.ts";
import { lowerPlan } from "../../../kernels/webgpu/compile.ts";
import { kernels } from "../../../kernels/webgpu/kernels.ts";
import type { Plan } from "../../../kernels/engine.ts";
import { planningEngine } from "../../support/planning_engine.ts";

const GIB = 2 ** 30;

/** What the kernels of an adapter take beside the arena, in bytes. */
function scratchBytes(plan: Plan): number {
  const bytes = [true, false].map((software) =>
    lowerPlan(plan, kernels, { software, matmulFamily: "auto" }).scratchBytes
  );
  return Math.max(...bytes);
}

/** Bytes of a step's activations, of kernels and of all that outlives it. */
function stepBytes(backbone: string, batch: number): number {
  const config = { ...findBackbone(backbone), classes: 100 };
  const method = findMethod("alore");
  const options = resolveOptions(method, {}, modelShape(config));
  const model = new AdaptedModel(planningEngine(), { config, method, options });
  const plan = trainPlan(model, { batch, smoothing: 0, dropPath: false });
  const memories = plan.memories.reduce((sum, { bytes }) => sum + bytes, 0);
  const scratch = scratchBytes(plan);
  // Little enough that what is announced is what is taken.
  assert.ok(scratch < plan.arenaBytes / 500, `${scratch}`);
  return plan.arenaBytes + memories + scratch;
}

Deno.test("a step of ViT-B/16 with 32 images fits in 4 GiB", () => {
  const bytes = stepBytes("vit-b16", 32);
  assert.ok(bytes < 4 * GIB, `${bytes / GIB} GiB`);
  // Its weights alone are 0.32 GiB.
  assert.ok(bytes > 0.4 * GIB, `${bytes / GIB} GiB`);
});

Deno.test("a step of ViT-H/14 with 8 images fits in 16 GiB", () => {
  const bytes = stepBytes("vit-h14", 8);
  assert.ok(bytes < 16 * GIB, `${bytes / GIB} GiB`);
  assert.ok(bytes > 2.4 * GIB, `${bytes / GIB} GiB`);
});
