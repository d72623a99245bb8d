import assert from "node:assert/strict";
import process from "node:process";
import { findMethod, resolveOptions } from "../../../../core/methods/mod.ts";
import { modelShape } from "../../../../core/models/architectures.ts";
import { buildModel } from "../../../../core/models/build_model.ts";
import { openStepper } from "../../../../core/train/stepper.ts";
import { settingsFor } from "../../../../core/train/settings.ts";
import {
  type Backbone,
  readBackbone,
} from "../../../../core/models/backbone.ts";
import {
  readSafetensors,
  toFloat32,
} from "../../../../core/weights/safetensors.ts";
import { openCpuEngine } from "../../../../kernels/cpu/engine.ts";
import type { Engine } from "../../../../kernels/engine.ts";
import { assertClose } from "../../../support/assert_close.ts";
import { testEngines } from "../../../support/engines.ts";
import { inFolder } from "../../../support/folder.ts";
import { logitsOf } from "../../../support/logits.ts";
import { TOLERANCE } from "../../../support/tolerance.ts";
import { python, runPython } from "../../../support/python.ts";

/** Steps on WebGPU too, which take half a minute each where it is software. */
const large = Deno.env.get("ALORE_LARGE") === "1";

/** Seconds that the processors work, whatever else they have to do. */
const SECONDS = 3;

/** Losses of two ALoRE steps on one image. */
async function step(engine: Engine, backbone: Backbone): Promise<number[]> {
  const method = findMethod("alore");
  using model = buildModel({
    engine,
    backbone,
    method,
    options: resolveOptions(method, {}, modelShape(backbone.config)),
    classes: 10,
    seed: 0,
  });
  const settings = { ...settingsFor(method), batchSize: 1, epochs: 2 };
  const stepper = await openStepper(model, settings, 2);
  const images = Float32Array.from({ length: 3 * 224 ** 2 }, (_, i) => i % 2);
  const batch = { images, labels: Int32Array.of(3), count: 1 };
  const losses: number[] = [];
  try {
    for (const i of [0, 1]) {
      losses.push((await stepper.run(batch, i)).loss[0]);
    }
  } finally {
    stepper.close();
  }
  return losses;
}

/** Takes the steps that the CPU took, and finds its losses. */
async function stepOnWebgpu(
  backbone: Backbone,
  losses: readonly number[],
): Promise<void> {
  const webgpu = testEngines.find(({ name }) => name === "webgpu");
  assert.ok(webgpu && !webgpu.ignore, "no adapter");
  const engine = await webgpu.open();
  try {
    const found = await step(engine, backbone);
    assertClose(found, losses, TOLERANCE.loss, "losses on WebGPU");
  } finally {
    engine.close();
  }
}

Deno.test({
  name:
    "readBackbone() reads torchvision's vit_b_16 in seconds, as it computes it, and it learns",
  ignore: !python,
  fn: () =>
    inFolder(async (folder) => {
      await runPython("fixtures/make/make_vit_b_16.py", folder);
      const { tensors } = await readSafetensors(
        `${folder}/expected.safetensors`,
      );
      const before = process.cpuUsage();
      const backbone = await readBackbone(`${folder}/vit_b_16.safetensors`);
      for (const name of backbone.tensors.keys()) backbone.tensors.get(name);
      const { user, system } = process.cpuUsage(before);
      assert.ok((user + system) / 1e6 < SECONDS, `${user} + ${system} µs`);
      assert.equal(backbone.config.classes, 1000);
      const engine = await openCpuEngine();
      try {
        const images = toFloat32(tensors.get("images")!);
        const logits = await logitsOf(engine, backbone, images);
        const wanted = toFloat32(tensors.get("logits")!);
        assertClose(logits, wanted, TOLERANCE.logits, "vit_b_16");
        const losses = await step(engine, backbone);
        assert.ok(losses[1] < losses[0], `${losses}`);
        if (large) await stepOnWebgpu(backbone, losses);
      } finally {
        engine.close();
      }
    }),
});
