/**
 * Trains the demo's methods one after the other.
 *
 * @module
 */

import type { Engine } from "../../kernels/engine.ts";
import type { Dataset, Split } from "../../core/data/dataset.ts";
import { findMethod, resolveOptions } from "../../core/methods/mod.ts";
import type { AdaptedModel } from "../../core/models/adapted_model.ts";
import type { Backbone } from "../../core/models/backbone.ts";
import { buildModel } from "../../core/models/build_model.ts";
import { modelShape } from "../../core/models/architectures.ts";
import { Evaluator } from "../../core/train/evaluate.ts";
import type { EpochRecord, Evaluation } from "../../core/train/records.ts";
import type { RunConfig } from "../../core/train/run_config.ts";
import { RunDirectory } from "../../core/train/run_directory.ts";
import { train } from "../../core/train/trainer.ts";
import { VERSION } from "../../core/version.ts";
import type { Output } from "../output.ts";
import { TrainBar } from "../progress.ts";
import { type DemoRun, demoSettings } from "./plan.ts";

/** What all runs of a demo have in common. */
export interface DemoSession {
  readonly engine: Engine;
  readonly backbone: Backbone;
  /** As `--backbone` names it. */
  readonly backboneSource: string;
  readonly dataset: Dataset;
  readonly dataSource: string;
  readonly budget: { readonly epochs: number; readonly seed: number };
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** One trained method; the model is the caller's to close. */
export interface DemoResult {
  readonly run: DemoRun;
  readonly config: RunConfig;
  readonly model: AdaptedModel;
  readonly records: readonly EpochRecord[];
  /** Training, without validation. */
  readonly seconds: number;
}

/**
 * Trains one method and keeps its run in `folder`, if there is one.
 *
 * @throws {DOMException} If the signal stops it.
 */
export async function trainDemo(
  session: DemoSession,
  run: DemoRun,
  folder?: string,
): Promise<DemoResult> {
  const { dataset, backbone, signal, output } = session;
  const config = configOf(session, run);
  const model = buildDemoModel(session, run);
  const bar = new TrainBar(output, {
    title: run.method,
    trainable: model.trainableCount,
  });
  try {
    const { records, interrupted } = await train({
      model,
      dataset,
      preprocess: backbone.preprocess,
      settings: config.settings,
      run: folder === undefined
        ? undefined
        : await RunDirectory.create(folder, config),
      signal,
      onStep: (step) => bar.onStep(step),
      onEpoch: (record) => bar.onEpoch(record),
    });
    if (interrupted) signal.throwIfAborted();
    const seconds = records.reduce((sum, record) => sum + record.seconds, 0);
    return { run, config, model, records, seconds };
  } catch (error) {
    model.close();
    throw error;
  } finally {
    bar.stop();
  }
}

/** The model of a run before it is trained. */
export function buildDemoModel(
  { engine, backbone, dataset, budget }: DemoSession,
  run: DemoRun,
): AdaptedModel {
  const method = findMethod(run.method);
  return buildModel({
    engine,
    backbone,
    method,
    options: resolveOptions(method, run.options, modelShape(backbone.config)),
    classes: dataset.classes.length,
    seed: budget.seed,
  });
}

/** Evaluates on the test images. */
export async function testDemo(
  { backbone, dataset }: DemoSession,
  model: AdaptedModel,
): Promise<Evaluation> {
  const { preprocess } = backbone;
  const evaluator = await Evaluator.open(model, { preprocess });
  try {
    return await evaluator.evaluate(testSplit(dataset));
  } finally {
    evaluator.close();
  }
}

/** @throws {RangeError} If the data have no test images. */
export function testSplit(dataset: Dataset): Split {
  const test = dataset.splits.get("test");
  if (test) return test;
  throw new RangeError("Cannot run the demo: got no test images, wanted some");
}

function configOf(session: DemoSession, run: DemoRun): RunConfig {
  const { backbone, dataset, engine, budget } = session;
  const method = findMethod(run.method);
  return {
    format: "alore-run",
    version: 1,
    alore: VERSION,
    method: run.method,
    options: resolveOptions(method, run.options, modelShape(backbone.config)),
    settings: demoSettings(run.lr, budget),
    model: { ...backbone.config, classes: dataset.classes.length },
    preprocess: backbone.preprocess,
    backbone: { source: session.backboneSource, hash: backbone.hash },
    data: {
      source: session.dataSource,
      hash: dataset.hash,
      name: dataset.description.name,
      resize: dataset.description.resize,
    },
    classes: dataset.classes,
    engine: engine.description,
  };
}
