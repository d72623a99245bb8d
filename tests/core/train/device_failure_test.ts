import assert from "node:assert/strict";
import { noAugment } from "../../../core/data/augment.ts";
import { hintOf } from "../../../core/errors.ts";
import type { AdaptedModel } from "../../../core/models/adapted_model.ts";
import { HALF } from "../../../core/models/backbone.ts";
import { RunDirectory } from "../../../core/train/run_directory.ts";
import {
  defaultSettings,
  type TrainSettings,
} from "../../../core/train/settings.ts";
import { train, type TrainRequest } from "../../../core/train/trainer.ts";
import { DeviceError } from "../../../kernels/engine.ts";
import { openWebgpuEngine } from "../../../kernels/webgpu/engine.ts";
import { gpuTest, withHook } from "../../kernels/webgpu/adapter.ts";
import { tinyDataset, tinyModel, tinyRunConfig } from "../../support/tiny.ts";

const settings: TrainSettings = {
  ...defaultSettings,
  epochs: 2,
  batchSize: 8,
  lr: 1e-2,
  seed: 5,
  augment: noAugment,
};

const request = (
  model: AdaptedModel,
  more: Partial<TrainRequest> = {},
): TrainRequest => ({
  model,
  dataset: tinyDataset(),
  preprocess: HALF,
  settings,
  ...more,
});

/** A model on a device that `kill` destroys, and the work with it. */
async function withDoomedDevice(
  work: (model: AdaptedModel, kill: () => void) => Promise<void>,
): Promise<void> {
  const engine = await openWebgpuEngine({ allowSoftware: true });
  const model = tinyModel(engine, "alore");
  let device: GPUDevice | undefined;
  try {
    await withHook(
      GPUDevice.prototype,
      "createCommandEncoder",
      (self) => device = self,
      () => work(model, () => device?.destroy()),
    );
  } finally {
    engine.close();
  }
}

gpuTest(
  "a run whose device is lost goes on from its state as if it had not been",
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/run`;
      await withDoomedDevice(async (model, kill) => {
        const run = await RunDirectory.create(
          path,
          tinyRunConfig(model, settings),
        );
        const lost = train(request(model, {
          run,
          saveSeconds: 0,
          onStep: ({ epoch, step }) => {
            if (epoch === 1 && step === 5) kill();
          },
        }));
        await assert.rejects(lost, (error) => {
          assert.ok(error instanceof DeviceError);
          assert.match(error.message, /Cannot go on: the device was lost/);
          const hint = hintOf(error) ?? "";
          assert.match(hint, /state after step [1-5] of epoch 1 is saved/);
          assert.ok(hint.endsWith(`alore train --resume ${path}`), hint);
          return true;
        });
      });
      const engine = await openWebgpuEngine({ allowSoftware: true });
      using resumed = tinyModel(engine, "alore");
      using whole = tinyModel(engine, "alore");
      const run = await RunDirectory.open(path);
      await train(request(resumed, { run, resume: true }));
      await train(request(whole));
      assert.deepEqual(await resumed.read(), await whole.read());
      engine.close();
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

gpuTest("a step that runs out of memory is made in parts", async () => {
  const engine = await openWebgpuEngine({ allowSoftware: true });
  using model = tinyModel(engine, "alore");
  const planned: number[] = [];
  const pop = GPUDevice.prototype.popErrorScope;
  let [asked, refused] = [false, 0];
  // As a device does that cannot hold the activations of the whole batch.
  GPUDevice.prototype.popErrorScope = function () {
    const scope = pop.call(this);
    if (!asked || refused++ > 0) return scope;
    return scope.then(() => new GPUOutOfMemoryError("as a test asks"));
  };
  try {
    await withHook(
      GPUDevice.prototype,
      "createBuffer",
      (_, [made]) => {
        const { label } = made as GPUBufferDescriptor;
        asked ||= label === "training step of 8 images arena";
      },
      async () => {
        await train(request(model, {
          settings: { ...settings, epochs: 1 },
          onPlanned: ({ parts }) => planned.push(parts),
        }));
      },
    );
  } finally {
    GPUDevice.prototype.popErrorScope = pop;
    engine.close();
  }
  assert.ok(refused > 0);
  assert.deepEqual(planned, [2]);
});
