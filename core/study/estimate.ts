/**
 * How long a study will take, from measured speeds.
 *
 * @module
 */

import type { Engine } from "../../kernels/engine.ts";
import { findMethod } from "../methods/mod.ts";
import { buildModel } from "../models/build_model.ts";
import { openStepper } from "../train/stepper.ts";
import type { RunResult } from "./run_result.ts";
import type { Sources } from "./sources.ts";
import type { PlannedRun } from "./study_plan.ts";

/** Images a second. */
export interface Speed {
  readonly train: number;
  readonly test: number;
}

/** What an estimate rests on. */
export interface Estimate {
  readonly seconds: number;
  /** Finished runs of this study on this engine, or a few steps made now. */
  readonly from: "finished runs" | "calibration";
  /** How many runs the speeds were measured on. */
  readonly measured: number;
}

/** On a CPU images a second hardly depend on the batch. */
const CPU_BATCH = 16;
const STEPS = 3;
/** After these seconds methods that were not measured get the lowest speed. */
const PATIENCE_SECONDS = 10;

/**
 * Estimates how long some runs take one after the other.
 *
 * @param results Earlier results; those of the same backbone and engine count.
 */
export async function estimate(
  runs: readonly PlannedRun[],
  { engineOf, sources, results }: {
    engineOf: (run: PlannedRun) => Engine;
    sources: Sources;
    results: readonly RunResult[];
  },
): Promise<Estimate> {
  const known = speedsOf(results, runs, engineOf);
  if (known.size > 0) {
    const measured = [...known.values()].reduce((sum, s) => sum + s.count, 0);
    return { seconds: total(runs, known), from: "finished runs", measured };
  }
  const measured = new Map<string, Speed>();
  const started = performance.now();
  for (const [key, [run]] of Map.groupBy(runs, ({ config }) => keyOf(config))) {
    if (performance.now() - started > PATIENCE_SECONDS * 1000) break;
    measured.set(key, await calibrate(engineOf(run), sources, run));
  }
  return {
    seconds: total(runs, measured),
    from: "calibration",
    measured: measured.size,
  };
}

/** Speeds by method, backbone and precision, from results. */
function speedsOf(
  results: readonly RunResult[],
  runs: readonly PlannedRun[],
  engineOf: (run: PlannedRun) => Engine,
): Map<string, Speed & { count: number }> {
  const wanted = new Set(runs.map(({ config }) => config.backbone.hash));
  const engines = new Set(runs.map((run) => engineOf(run).description));
  const usable = results.filter((result) =>
    engines.has(result.engine) && wanted.has(result.backbone.hash)
  );
  const mean = (values: number[]) =>
    values.reduce((a, b) => a + b, 0) / values.length;
  return new Map(
    [...Map.groupBy(usable, keyOf)]
      .map(([key, group]) => [key, {
        train: mean(group.map(({ imagesPerSecond }) => imagesPerSecond)),
        test: mean(group.map((result) => result.testImagesPerSecond)),
        count: group.length,
      }]),
  );
}

/** What speeds are told apart by. */
function keyOf(
  { backbone, method, precision }: Pick<
    RunResult,
    "backbone" | "method" | "precision"
  >,
): string {
  return `${backbone.hash} ${method} ${precision ?? "f32"}`;
}

function total(
  runs: readonly PlannedRun[],
  speeds: ReadonlyMap<string, Speed>,
): number {
  const all = [...speeds.values()];
  const slowest: Speed = {
    train: Math.min(...all.map(({ train }) => train)),
    test: Math.min(...all.map(({ test }) => test)),
  };
  return runs.reduce((sum, run) => {
    const { train, test } = speeds.get(keyOf(run.config)) ?? slowest;
    const { epochs } = run.config.settings;
    const { images } = run;
    // The best epoch is tested too, unless it is the last.
    const tests = images.validation > 0 ? 2 : 1;
    const looked = epochs * images.validation + tests * images.test;
    return sum + epochs * images.train / train + looked / test;
  }, 0);
}

/** Times a few training steps and forward passes of a run. */
async function calibrate(
  engine: Engine,
  sources: Sources,
  { cell, config }: PlannedRun,
): Promise<Speed> {
  const { seed, batchSize } = config.settings;
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
  const { channels, imageSize } = config.model;
  const batch = engine.name === "cpu"
    ? Math.min(CPU_BATCH, batchSize)
    : batchSize;
  const images = new Float32Array(batch * channels * imageSize ** 2);
  const labels = new Int32Array(batch);
  const settings = { ...config.settings, batchSize: batch };
  const stepper = await openStepper(model, settings, STEPS);
  const program = await engine.compile(model.forwardPlan(batch))
    .catch((error) => {
      stepper.close();
      throw error;
    });
  try {
    const step = () => stepper.run({ images, labels, count: batch }, 0);
    return {
      train: batch / await median(step),
      test: batch / await median(() => program.run({ images })),
    };
  } finally {
    stepper.close();
    program.close();
  }
}

/** Seconds of one call, the first left out. */
async function median(call: () => Promise<unknown>): Promise<number> {
  await call();
  const times: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    const started = performance.now();
    await call();
    times.push((performance.now() - started) / 1000);
  }
  return times.sort((a, b) => a - b)[Math.floor(STEPS / 2)];
}
