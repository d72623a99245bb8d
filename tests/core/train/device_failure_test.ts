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
import { gpuTest } from "../../kernels/webgpu/adapter.ts";
import { inFolder } from "../../support/folder.ts";
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

/** Ways in which a device fails, and what they do to it. */
interface Failure {
  readonly title: string;
  readonly saveSeconds: number;
  readonly atStep: number;
  readonly message: RegExp;
  readonly outOfMemory: boolean;
  readonly hint: RegExp;
  fail(device: GPUDevice): void;
}

const failures: readonly Failure[] = [
  {
    title: "a run whose device is lost",
    saveSeconds: 0,
    atStep: 5,
    message: /^Cannot go on: the device was lost/,
    outOfMemory: false,
    hint: /^the state after step [1-5] of epoch 1 is saved; continue with: /,
    fail: (device) => device.destroy(),
  },
  {
    title: "a run whose device is lost before a state was saved",
    saveSeconds: 60,
    atStep: 2,
    message: /^Cannot go on: the device was lost/,
    outOfMemory: false,
    hint: /^it had saved no step yet; start again from the first with: /,
    fail: (device) => device.destroy(),
  },
  {
    title: "a run that is out of memory in the middle",
    saveSeconds: 0,
    atStep: 5,
    message: /^Cannot read \d+ bytes of .*: out of memory, as a test asks/,
    outOfMemory: true,
    hint: /^the state after step [1-5] of epoch 1 is saved; continue with: /,
    fail: (device) => outOfMemory(device, () => true),
  },
];

/** Makes a device, as if it was full, refuse buffers with some labels. */
function outOfMemory(
  device: GPUDevice,
  refused: (label: string) => boolean,
  times = Infinity,
): void {
  const { createBuffer, popErrorScope } = GPUDevice.prototype;
  let refuses = false;
  device.createBuffer = function (made) {
    refuses ||= times > 0 && refused(made.label ?? "");
    return createBuffer.call(this, made);
  };
  device.popErrorScope = function () {
    const scope = popErrorScope.call(this);
    if (!refuses) return scope;
    [refuses, times] = [false, times - 1];
    return scope.then(() => new GPUOutOfMemoryError("as a test asks"));
  };
}

/** A model on a device of its own. */
async function withDevice(
  work: (model: AdaptedModel, device: GPUDevice) => Promise<void>,
): Promise<void> {
  let device: GPUDevice | undefined;
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (wanted) {
    return device = await requestDevice.call(this, wanted);
  };
  const engine = await openWebgpuEngine({ allowSoftware: true })
    .finally(() => GPUAdapter.prototype.requestDevice = requestDevice);
  assert.ok(device);
  try {
    await work(tinyModel(engine, "alore"), device);
  } finally {
    engine.close();
  }
}

for (const failure of failures) {
  gpuTest(
    `${failure.title} goes on as if it had not been`,
    () =>
      inFolder(async (folder) => {
        const path = `${folder}/run`;
        await withDevice(async (model, device) => {
          const run = await RunDirectory.create(
            path,
            tinyRunConfig(model, settings),
          );
          const failed = train(request(model, {
            run,
            saveSeconds: failure.saveSeconds,
            onStep: ({ epoch, step }) => {
              if (epoch === 1 && step === failure.atStep) failure.fail(device);
            },
          }));
          await assert.rejects(failed, (error) => {
            assert.ok(error instanceof DeviceError);
            assert.match(error.message, failure.message);
            assert.equal(error.outOfMemory, failure.outOfMemory);
            const hint = hintOf(error) ?? "";
            assert.match(hint, failure.hint);
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
      }),
  );
}

gpuTest(
  "a step that runs out of memory is made in parts",
  () =>
    withDevice(async (model, device) => {
      const planned: number[] = [];
      // As a device does that cannot hold the activations of the whole batch.
      outOfMemory(device, (label) => label.startsWith("training step"), 1);
      await train(request(model, {
        settings: { ...settings, epochs: 1 },
        onPlanned: ({ parts }) => planned.push(parts),
      }));
      assert.deepEqual(planned, [2]);
    }),
);

gpuTest(
  "a device without memory for one image says what was wanted",
  () =>
    withDevice(async (model, device) => {
      outOfMemory(device, (label) => label.startsWith("training step"));
      await assert.rejects(train(request(model)), (error) => {
        assert.ok(error instanceof DeviceError && error.outOfMemory);
        assert.match(
          error.message,
          /^Cannot allocate \d+ bytes for training step of 8 images: out of memory, as a test asks; with 1 of 8 images at a time, wanted /,
        );
        assert.match(
          error.message,
          /[\d.]+ MiB of activations beside [\d.]+ MiB of weights, got less from .*, whose buffers may have [\d.]+ MiB$/,
        );
        assert.match(
          hintOf(error) ?? "",
          /^a smaller --backbone .*--precision f16; --device cpu /,
        );
        return true;
      });
    }),
);
