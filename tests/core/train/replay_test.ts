import assert from "node:assert/strict";
import { noAugment } from "../../../core/data/augment.ts";
import { findMethod, resolveOptions } from "../../../core/methods/mod.ts";
import { modelShape } from "../../../core/models/architectures.ts";
import { HALF, scratchBackbone } from "../../../core/models/backbone.ts";
import { buildModel } from "../../../core/models/build_model.ts";
import { findBackbone } from "../../../core/models/zoo.ts";
import { Batches } from "../../../core/train/batches.ts";
import {
  defaultSettings,
  type TrainSettings,
} from "../../../core/train/settings.ts";
import { openStepper, type Stepper } from "../../../core/train/stepper.ts";
import { train } from "../../../core/train/trainer.ts";
import { openWebgpuEngine } from "../../../kernels/webgpu/engine.ts";
import { gpuTest, withHook } from "../../kernels/webgpu/adapter.ts";
import { tinyDataset, tinyModel } from "../../support/tiny.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

const settings: TrainSettings = {
  ...defaultSettings,
  epochs: 1,
  batchSize: 4,
  augment: noAugment,
};

/** Runs a number of steps, each of them started when `depth` are under way. */
type Steps = (count: number) => Promise<void>;

/** A model that trains on a WebGPU device. */
async function withSteps(
  work: (steps: Steps, stepper: Stepper) => Promise<void>,
): Promise<void> {
  const engine = await openWebgpuEngine({ allowSoftware: true });
  using model = tinyModel(engine, "alore");
  const split = tinyDataset().splits.get("train")!;
  const batches = new Batches(split, {
    batchSize: settings.batchSize,
    imageSize: model.spec.config.imageSize,
    preprocess: HALF,
    seed: 0,
  });
  const stepper = await openStepper(model, settings, 1000);
  const batch = batches.allocate();
  batches.fill(batch, 0);
  let next = 0;
  const steps: Steps = async (count) => {
    const pending: Promise<unknown>[] = [];
    for (let i = 0; i < count; i++) {
      if (pending.length === stepper.mostInFlight) await pending.shift();
      pending.push(stepper.run(batch, next++));
    }
    await Promise.all(pending);
  };
  try {
    await work(steps, stepper);
  } finally {
    stepper.close();
    engine.close();
  }
}

/** How often the methods of a device, its queue and buffers are called. */
async function callsOf(
  work: () => Promise<void>,
): Promise<Record<string, number>> {
  const calls: Record<string, number> = {};
  const counted = [
    GPUDevice,
    GPUQueue,
    GPUBuffer,
    GPUCommandEncoder,
  ].flatMap(({ prototype }) =>
    Object.entries(Object.getOwnPropertyDescriptors(prototype))
      .filter(([name, { value }]) =>
        typeof value === "function" && name !== "constructor"
      )
      .map(([name]) => ({ prototype: prototype as object, name }))
  );
  let all = work;
  for (const { prototype, name } of counted) {
    const inner = all;
    const count = () => calls[name] = (calls[name] ?? 0) + 1;
    all = () => withHook(prototype, name as never, count, inner);
  }
  await all();
  return calls;
}

gpuTest(
  "a training step is one submit and makes nothing",
  () =>
    withSteps(async (steps, { plan }) => {
      await steps(1);
      const calls = await callsOf(() => steps(20));
      assert.deepEqual(calls, {
        writeBuffer: 20 * plan.inputs.size,
        createCommandEncoder: 20,
        beginComputePass: 20,
        copyBufferToBuffer: 20 * plan.outputs.size,
        finish: 20,
        submit: 20,
        mapAsync: 20,
        getMappedRange: 20,
        unmap: 20,
      });
    }),
);

gpuTest(
  "steps are submitted without a wait for those before",
  () =>
    withSteps(async (steps, { mostInFlight }) => {
      await steps(1);
      const order: string[] = [];
      // Deno's mapAsync waits for all that was submitted.
      await withHook(
        GPUBuffer.prototype,
        "mapAsync",
        () => order.push("wait"),
        () =>
          withHook(
            GPUQueue.prototype,
            "submit",
            () => order.push("submit"),
            () => steps(3 * mostInFlight),
          ),
      );
      const round = ["submit", "wait"]
        .flatMap((call) => Array<string>(mostInFlight).fill(call));
      assert.deepEqual(order, [...round, ...round, ...round]);
    }),
);

gpuTest("encoding a step of vit-t8-32 takes less than 5 ms", async () => {
  const engine = await openWebgpuEngine({ allowSoftware: true });
  const config = findBackbone("vit-t8-32");
  const method = findMethod("alore");
  using model = buildModel({
    engine,
    backbone: scratchBackbone("vit-t8-32", config, 0),
    method,
    options: resolveOptions(method, {}, modelShape(config)),
    classes: 10,
    seed: 0,
  });
  // As many dispatches as with any batch.
  const stepper = await openStepper(model, { ...settings, batchSize: 2 }, 100);
  const batch = {
    images: new Float32Array(2 * 3 * config.imageSize ** 2),
    labels: new Int32Array(2),
    count: 2,
  };
  let started = 0;
  const times: number[] = [];
  await withHook(
    GPUDevice.prototype,
    "createCommandEncoder",
    () => started = performance.now(),
    () =>
      withHook(
        GPUQueue.prototype,
        "submit",
        () => times.push(performance.now() - started),
        async () => {
          for (let i = 0; i < 20; i++) await stepper.run(batch, i);
        },
      ),
  );
  stepper.close();
  engine.close();
  // Others may have the processor in between: the least is the step's own.
  assert.equal(times.length, 20);
  assert.ok(Math.min(...times) < TOLERANCE.encodingMs, `${times}`);
});

gpuTest("memory stays flat over 1,000 steps", () =>
  withSteps(async (steps) => {
    await steps(100);
    const before = Deno.memoryUsage().rss;
    await steps(1000);
    const growth = Deno.memoryUsage().rss - before;
    assert.ok(growth < TOLERANCE.leakedBytes, `grew by ${growth} bytes`);
  }));

gpuTest(
  "the arena that is announced is the one that is allocated",
  async () => {
    const engine = await openWebgpuEngine({ allowSoftware: true });
    using model = tinyModel(engine, "alore");
    let [allocated, announced, encoders, before] = [0, 0, 0, 0];
    await withHook(GPUDevice.prototype, "createBuffer", (_, [made]) => {
      const { label, size } = made as GPUBufferDescriptor;
      if (/^training step .* arena\b/.test(label!)) allocated += size;
    }, () =>
      withHook(
        GPUDevice.prototype,
        "createCommandEncoder",
        // Kernels may have been compiled, by commands of another label.
        (_, [made]) => {
          const { label } = made as GPUCommandEncoderDescriptor;
          if (/^training step\b/.test(label!)) encoders++;
        },
        async () => {
          await train({
            model,
            dataset: tinyDataset(),
            preprocess: HALF,
            settings,
            onPlanned: ({ arenaBytes }) => {
              announced = arenaBytes;
              before = encoders;
            },
          });
        },
      ));
    engine.close();
    assert.ok(announced > 0);
    assert.equal(announced, allocated);
    assert.equal(before, 0);
    assert.ok(encoders > 0);
  },
);
