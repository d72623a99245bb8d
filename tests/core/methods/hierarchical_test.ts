/**
 * Methods that fold, on backbones whose widths differ from block to block.
 *
 * @module
 */

import assert from "node:assert/strict";
import { foldedTensors } from "../../../core/merge.ts";
import { findMethod, resolveOptions } from "../../../core/methods/mod.ts";
import type { AdaptedModel } from "../../../core/models/adapted_model.ts";
import {
  type ModelConfig,
  modelShape,
} from "../../../core/models/architectures.ts";
import { scratchBackbone } from "../../../core/models/backbone.ts";
import { buildModel } from "../../../core/models/build_model.ts";
import { RandomStream } from "../../../core/rng.ts";
import type { Engine } from "../../../kernels/engine.ts";
import { relativeError } from "../../support/assert_close.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import { perturb, withEngine } from "./checks.ts";

const size = { imageSize: 32, channels: 3, classes: 3, patchSize: 4 };

const configs: readonly ModelConfig[] = [
  {
    ...size,
    architecture: "swin",
    width: 8,
    depths: [2, 2],
    heads: [1, 2],
    window: 4,
    mlpRatio: 2,
    eps: 1e-5,
  },
  {
    ...size,
    architecture: "convnext",
    widths: [8, 16],
    depths: [1, 2],
    eps: 1e-6,
  },
];

/** Options of each method, for models with attention and without. */
const cases: readonly (readonly [string, Record<string, unknown>, string?])[] =
  [
    ["alore", {}],
    ["alore", { place: "after", share: "kind", scaling: "learned" }],
    ["bitfit", {}],
    ["lora", { rank: 2, targets: "q,k,v,proj,fc1,fc2" }, "swin"],
    ["lora", { rank: 2, targets: "fc1,fc2" }],
    ["repadapter", { hidden: 4 }],
    ["ssf", {}],
  ];

function modelOf(
  engine: Engine,
  config: ModelConfig,
  name: string,
  given: Record<string, unknown>,
): AdaptedModel {
  const method = findMethod(name);
  return buildModel({
    engine,
    backbone: scratchBackbone("small", config, 7),
    method,
    options: resolveOptions(method, given, modelShape(config)),
    classes: 3,
    seed: 3,
  });
}

async function logitsOf(model: AdaptedModel): Promise<Float32Array> {
  const random = new RandomStream(1, "images");
  const images = Float32Array.from(
    { length: 4 * 3 * 32 * 32 },
    () => random.normal(),
  );
  const program = await model.engine.compile(model.forwardPlan(4));
  const { logits } = await program.run({ images });
  program.close();
  return logits as Float32Array;
}

for (const config of configs) {
  for (const [name, given, only] of cases) {
    if (only && only !== config.architecture) continue;
    const label = `${name} ${JSON.stringify(given)} on ${config.architecture}`;
    Deno.test(`${label}: merged equals unmerged and not the base`, () =>
      withEngine(async (engine) => {
        using model = modelOf(engine, config, name, given);
        const base = await logitsOf(model);
        await perturb(model);
        const unmerged = await logitsOf(model);
        using plain = modelOf(engine, config, "linear", {});
        for (const [tensor, values] of await foldedTensors(model)) {
          plain.write(tensor, values);
        }
        const merged = await logitsOf(plain);
        assert.ok(relativeError(merged, unmerged) <= TOLERANCE.merged);
        assert.ok(relativeError(base, unmerged) > 100 * TOLERANCE.merged);
      }));
  }
}
