/**
 * One run of a study from where it stands to its result.
 *
 * @module
 */

import { hostName } from "../weights/host_name.ts";
import { DeviceError, type Engine } from "../../kernels/engine.ts";
import type { Split } from "../data/dataset.ts";
import { hinted, hintOf } from "../errors.ts";
import { findMethod } from "../methods/mod.ts";
import type { AdaptedModel } from "../models/adapted_model.ts";
import { buildModel } from "../models/build_model.ts";
import { Evaluator } from "../train/evaluate.ts";
import type {
  EpochRecord,
  Evaluation,
  StepProgress,
} from "../train/records.ts";
import type { RunConfig } from "../train/run_config.ts";
import { RunDirectory } from "../train/run_directory.ts";
import { train, type TrainResult } from "../train/trainer.ts";
import { VERSION } from "../version.ts";
import { identityOf } from "./identity.ts";
import {
  type RunResult,
  testResultOf,
  writePredictions,
} from "./run_result.ts";
import type { Sources } from "./sources.ts";
import type { StudyDirectory } from "./study_directory.ts";
import type { PlannedRun } from "./study_plan.ts";

/** What a run needs, and who listens. */
export interface ExecuteRequest {
  readonly engine: Engine;
  readonly study: StudyDirectory;
  readonly run: PlannedRun;
  readonly sources: Sources;
  /** When it aborts, the run saves its state and returns. */
  readonly signal?: AbortSignal;
  onStep?(progress: StepProgress): void;
  onEpoch?(record: EpochRecord): void;
}

/** What came of it. */
export type RunOutcome =
  | { readonly kind: "done"; readonly result: RunResult }
  /** It was done already, by this or another process. */
  | { readonly kind: "skipped" }
  /** Another process works on it, or took it over. */
  | { readonly kind: "busy" }
  /** The signal stopped it; its state is saved. */
  | { readonly kind: "interrupted"; readonly epochs: number }
  | { readonly kind: "failed"; readonly error: Error };

/**
 * Does a run under its lock: trains on from its state if it has one, tests, and
 * writes the result. What fails is kept with the run, not thrown.
 *
 * @throws {DeviceError} If the engine is lost, for no other run can go on; a run
 * that is out of memory only fails.
 */
export async function executeRun(request: ExecuteRequest): Promise<RunOutcome> {
  const { study, run } = request;
  const lock = await study.lock(run.hash);
  if (!lock) return { kind: "busy" };
  await using _held = lock;
  const { state } = await study.status(run.hash);
  if (state === "done") return { kind: "skipped" };
  const stop = AbortSignal.any([
    lock.lost,
    ...request.signal ? [request.signal] : [],
  ]);
  try {
    await study.clearFailure(run.hash);
    const work = { ...request, signal: stop };
    return await trainAndTest(work, lock.lost);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (lock.lost.aborted) return { kind: "busy" };
    const gone = error instanceof DeviceError && !error.outOfMemory;
    if (gone) {
      const go = `deno task alore ablate --out ${study.path}`;
      hinted(error, `continue the study with: ${go}`);
    }
    await study.saveFailure(run.hash, {
      message: error.message || error.name,
      hint: hintOf(error),
      stack: error.stack,
      date: new Date().toISOString(),
      host: hostName() ?? "",
    });
    if (gone) throw error;
    return { kind: "failed", error };
  }
}

async function trainAndTest(
  request: ExecuteRequest,
  lost: AbortSignal,
): Promise<RunOutcome> {
  const { engine, study, run, sources, signal, onStep, onEpoch } = request;
  const { cell, hash } = run;
  const config = { ...run.config, engine: engine.description };
  const { seed } = config.settings;
  const dataset = await sources.dataset(cell.data);
  const backbone = await sources.backbone(cell.backbone, seed);
  using model = buildModel({
    engine,
    backbone,
    shared: await sources.shared(engine, cell.backbone, seed),
    method: findMethod(config.method),
    options: config.options,
    classes: config.classes.length,
    seed,
  });
  const { directory, resume } = await openRun(study.runPath(hash), {
    config,
    hash,
    trainable: model.trainable.count,
  });
  const trained = await train({
    model,
    dataset,
    preprocess: backbone.preprocess,
    settings: config.settings,
    run: directory,
    resume,
    signal,
    onStep,
    onEpoch,
  });
  const epochs = trained.records.length;
  if (lost.aborted) return { kind: "busy" };
  if (trained.interrupted) return { kind: "interrupted", epochs };
  const split = dataset.splits.get("test");
  if (!split) throw new RangeError("Cannot test: got no test images");
  const tests = await testBoth({ model, trained, split, config, signal });
  if (!tests) return { kind: "interrupted", epochs };
  await writePredictions(
    `${directory.path}/test.safetensors`,
    tests.last,
    split,
    config.data.hash,
  );
  const result = resultOf(run, config, { model, trained, ...tests });
  // A run that another process took over is that one's to finish.
  if (lost.aborted) return { kind: "busy" };
  await study.saveResult(result);
  return { kind: "done", result };
}

/** Opens a run to go on with, or makes it where it cannot be gone on with. */
async function openRun(
  path: string,
  { config, hash, trainable }: {
    config: RunConfig;
    hash: string;
    trainable: number;
  },
): Promise<{ directory: RunDirectory; resume: boolean }> {
  try {
    const directory = await RunDirectory.open(path);
    if (await identityOf(directory.config) === hash) {
      await directory.readState(trainable);
      return { directory, resume: true };
    }
  } catch {
    // Not there, or damaged: the run starts from its beginning.
  }
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const directory = await RunDirectory.create(path, config);
  return { directory, resume: false };
}

/** Tests the last epoch and, if it is another, the best one. */
async function testBoth({ model, trained, split, config, signal }: {
  model: AdaptedModel;
  trained: TrainResult;
  split: Split;
  config: RunConfig;
  signal?: AbortSignal;
}): Promise<{ last: Evaluation; best?: Evaluation } | undefined> {
  const { preprocess, settings } = config;
  const evaluator = await Evaluator.open(model, { preprocess });
  try {
    const last = await evaluator.evaluate(split);
    if (!trained.best) return { last };
    if (trained.best.epoch === settings.epochs) return { last, best: last };
    if (signal?.aborted) return undefined;
    for (const [name, values] of trained.best.tensors) {
      model.write(name, values);
    }
    return { last, best: await evaluator.evaluate(split) };
  } finally {
    evaluator.close();
  }
}

function resultOf(
  { hash, parameters }: PlannedRun,
  config: RunConfig,
  { model, trained, last, best }: {
    model: AdaptedModel;
    trained: TrainResult;
    last: Evaluation;
    best?: Evaluation;
  },
): RunResult {
  const { records } = trained;
  const seconds = records.reduce((sum, record) => sum + record.seconds, 0);
  const images = records.reduce(
    (sum, record) => sum + record.seconds * record.imagesPerSecond,
    0,
  );
  const { source, hash: data, name } = config.data;
  return {
    format: "alore-result",
    version: 1,
    hash,
    method: config.method,
    options: config.options,
    settings: config.settings,
    backbone: config.backbone,
    data: { source, hash: data, name },
    ...config.precision && { precision: config.precision },
    classes: config.classes.length,
    seed: config.settings.seed,
    parameters,
    headParameters: model.trainableCount - parameters,
    test: testResultOf(last),
    best: trained.best && best && {
      epoch: trained.best.epoch,
      validationTop1: trained.best.top1,
      test: testResultOf(best),
    },
    validationTop1: records.flatMap(({ validationTop1 }) =>
      validationTop1 === undefined ? [] : [validationTop1]
    ),
    seconds,
    imagesPerSecond: images / seconds,
    testImagesPerSecond: last.imagesPerSecond,
    engine: config.engine,
    host: hostName() ?? "",
    alore: VERSION,
    date: new Date().toISOString(),
  };
}
