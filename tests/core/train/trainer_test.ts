import assert from "node:assert/strict";
import { noAugment } from "../../../core/data/augment.ts";
import { HALF } from "../../../core/models/backbone.ts";
import type { EpochRecord } from "../../../core/train/records.ts";
import { RunDirectory } from "../../../core/train/run_directory.ts";
import {
  defaultSettings,
  type TrainSettings,
} from "../../../core/train/settings.ts";
import { train } from "../../../core/train/trainer.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import type { Engine } from "../../../kernels/engine.ts";
import { testEngines } from "../../support/engines.ts";
import { tinyDataset, tinyModel, tinyRunConfig } from "../../support/tiny.ts";

const settings: TrainSettings = {
  ...defaultSettings,
  epochs: 4,
  batchSize: 16,
  lr: 1e-2,
  dropPath: 0.2,
  smoothing: 0.1,
  clip: 1,
  seed: 5,
  augment: { ...noAugment, hflip: 0.5, shift: 1, brightness: 0.2 },
};

async function withCpu(
  work: (engine: Engine, folder: string) => Promise<void>,
): Promise<void> {
  const engine = await openCpuEngine();
  const folder = await Deno.makeTempDir();
  try {
    await work(engine, folder);
  } finally {
    engine.close();
    await Deno.remove(folder, { recursive: true });
  }
}

for (const { name, ignore, open } of testEngines) {
  Deno.test({
    name: `train() learns a task that is there to learn [${name}]`,
    ignore,
    fn: async () => {
      const engine = await open();
      try {
        for (const method of ["linear", "alore", "full"]) {
          using model = tinyModel(engine, method);
          const { records } = await train({
            model,
            dataset: tinyDataset(),
            preprocess: HALF,
            settings: { ...settings, epochs: 12, dropPath: 0 },
          });
          const [first, last] = [records[0], records[records.length - 1]];
          assert.ok(last.trainLoss < first.trainLoss, method);
          assert.ok(
            last.validationTop1! > 0.6,
            `${method} ${last.validationTop1}`,
          );
        }
      } finally {
        engine.close();
      }
    },
  });
}

/** Trains, aborting after some steps if told to, and gives what was stored. */
async function runOnce(
  engine: Engine,
  path: string,
  abortAfter: number[],
): Promise<{ adapter: Uint8Array; best: Uint8Array; records: EpochRecord[] }> {
  for (const [attempt, steps] of [...abortAfter, Infinity].entries()) {
    using model = tinyModel(engine, "alore", { dropout: 0.1 });
    const run = attempt === 0
      ? await RunDirectory.create(path, tinyRunConfig(model, settings))
      : await RunDirectory.open(path);
    const stop = new AbortController();
    let done = 0;
    const { interrupted } = await train({
      model,
      dataset: tinyDataset(),
      preprocess: HALF,
      settings,
      run,
      resume: attempt > 0,
      signal: stop.signal,
      onStep: () => ++done >= steps && stop.abort(),
    });
    assert.equal(interrupted, steps < Infinity);
  }
  const run = await RunDirectory.open(path);
  return {
    adapter: await Deno.readFile(run.adapterPath("last")),
    best: await Deno.readFile(run.adapterPath("best")),
    records: await run.readRecords(),
  };
}

const withoutTimes = (records: EpochRecord[]) =>
  records.map(({ seconds: _s, imagesPerSecond: _i, ...rest }) => rest);

Deno.test("train() resumed ends with the bits of one that was not stopped", () =>
  withCpu(async (engine, folder) => {
    const whole = await runOnce(engine, `${folder}/whole`, []);
    // Stops in the first epoch, at an epoch's end, and in the middle of one.
    const broken = await runOnce(engine, `${folder}/broken`, [2, 2, 5]);
    assert.equal(whole.records.length, settings.epochs);
    assert.deepEqual(broken.adapter, whole.adapter);
    assert.deepEqual(broken.best, whole.best);
    assert.deepEqual(withoutTimes(broken.records), withoutTimes(whole.records));
  }));

Deno.test("train() drops records past its state when it resumes", () =>
  withCpu(async (engine, folder) => {
    const path = `${folder}/run`;
    using model = tinyModel(engine, "linear");
    const run = await RunDirectory.create(path, tinyRunConfig(model, settings));
    const request = {
      model,
      dataset: tinyDataset(),
      preprocess: HALF,
      settings: { ...settings, epochs: 2 },
      run,
    };
    const { records } = await train(request);
    // As if it was killed after the record was appended, before the state was.
    await run.appendRecord({ ...records[1], epoch: 3 });
    await train({ ...request, resume: true });
    assert.deepEqual(await run.readRecords(), records);
  }));

Deno.test("train() stops with a clear message when the loss is no number", () =>
  withCpu(async (engine, folder) => {
    using model = tinyModel(engine, "full");
    const run = await RunDirectory.create(
      `${folder}/run`,
      tinyRunConfig(model, settings),
    );
    await assert.rejects(
      train({
        model,
        dataset: tinyDataset(),
        preprocess: HALF,
        settings: { ...settings, lr: 1e30, warmupEpochs: 0, clip: 0 },
        run,
      }),
      {
        name: "RangeError",
        message: /^Cannot go on training: got a loss of \S+ and a gradient/,
        hint: /try a smaller --lr/,
      },
    );
  }));

Deno.test("train() keeps the best epoch apart from the last", () =>
  withCpu(async (engine, folder) => {
    using model = tinyModel(engine, "alore");
    const run = await RunDirectory.create(
      `${folder}/run`,
      tinyRunConfig(model, settings),
    );
    const { records, best } = await train({
      model,
      dataset: tinyDataset(),
      preprocess: HALF,
      settings,
      run,
    });
    const top = Math.max(...records.map((r) => r.validationTop1!));
    assert.equal(best?.top1, top);
    const first = records.find((r) => r.validationTop1 === top);
    assert.equal(best?.epoch, first?.epoch);
    assert.deepEqual(await run.readAdapter("best"), best?.tensors);
    assert.deepEqual(await run.readAdapter("last"), await model.read());
  }));

Deno.test("train() never looks at the test split", () =>
  withCpu(async (engine) => {
    using model = tinyModel(engine, "linear");
    const dataset = tinyDataset();
    const asked: string[] = [];
    const { splits } = dataset;
    const watched = new Map(splits);
    watched.get = (name) => {
      asked.push(name);
      return splits.get(name);
    };
    await train({
      model,
      dataset: { ...dataset, splits: watched },
      preprocess: HALF,
      settings: { ...settings, epochs: 1 },
    });
    assert.deepEqual([...new Set(asked)].sort(), ["train", "validation"]);
  }));

Deno.test("train() refuses data that do not fit the model", () =>
  withCpu(async (engine) => {
    using model = tinyModel(engine, "linear");
    const request = { model, preprocess: HALF, settings };
    const dataset = tinyDataset();
    await assert.rejects(
      train({ ...request, dataset: { ...dataset, imageSize: 16 } }),
      {
        name: "RangeError",
        message: "Cannot train: got images of 16 pixels, wanted the " +
          "backbone's 8",
        hint: "prepare the data again with --size 8",
      },
    );
    await assert.rejects(
      train({ ...request, dataset: { ...dataset, classes: ["a", "b"] } }),
      /got data of 2 classes, wanted the model's 3/,
    );
  }));
