/**
 * Loads a checkpoint and takes ALoRE steps on one image, on each engine named.
 *
 *     /usr/bin/python3 tests/fixtures/make/make_vit_b_16.py /tmp
 *     deno run --no-prompt -P=bench bench/checkpoint_step.ts \
 *       /tmp/vit_b_16.safetensors cpu webgpu
 *
 * Too slow for a test where WebGPU is software: half a minute a step and more.
 *
 * @module
 */

import { findMethod, resolveOptions } from "../core/methods/mod.ts";
import { modelShape } from "../core/models/architectures.ts";
import { type Backbone, readBackbone } from "../core/models/backbone.ts";
import { buildModel } from "../core/models/build_model.ts";
import { settingsFor } from "../core/train/settings.ts";
import { openStepper } from "../core/train/stepper.ts";
import { openCpuEngine } from "../kernels/cpu/engine.ts";
import type { Engine } from "../kernels/engine.ts";
import { openWebgpuEngine } from "../kernels/webgpu/engine.ts";

const CLASSES = 10;
const STEPS = 2;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Seconds since a time that `performance.now()` gave. */
function since(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(2)} s`;
}

async function steps(engine: Engine, backbone: Backbone): Promise<void> {
  let start = performance.now();
  const method = findMethod("alore");
  using model = buildModel({
    engine,
    backbone,
    method,
    options: resolveOptions(method, {}, modelShape(backbone.config)),
    classes: CLASSES,
    seed: 0,
  });
  print(`${engine.description}`);
  print(`  weights  ${since(start)}`);
  const settings = { ...settingsFor(method), batchSize: 1, epochs: STEPS };
  const stepper = await openStepper(model, settings, 1);
  const { channels, imageSize } = backbone.config;
  const images = Float32Array.from(
    { length: channels * imageSize ** 2 },
    (_, i) => Math.sin(i),
  );
  const batch = { images, labels: Int32Array.of(3), count: 1 };
  for (let step = 0; step < STEPS; step++) {
    start = performance.now();
    const { loss } = await stepper.run(batch, step);
    print(`  step ${step}   ${since(start)}, loss ${loss[0]}`);
  }
  stepper.close();
}

const [path, ...engines] = Deno.args;
const start = performance.now();
const backbone = await readBackbone(path);
print(`${backbone.name}: read and hashed in ${since(start)}`);
for (const name of engines) {
  const engine = name === "webgpu"
    ? await openWebgpuEngine({ allowSoftware: true })
    : await openCpuEngine();
  try {
    await steps(engine, backbone);
  } finally {
    engine.close();
  }
}
