/**
 * A short training run whose results are known, to tell a broken engine from a
 * good one.
 *
 * @module
 */

import { findMethod, resolveOptions } from "../core/methods/mod.ts";
import { scratchBackbone } from "../core/models/backbone.ts";
import { buildModel } from "../core/models/build_model.ts";
import { RandomStream } from "../core/rng.ts";
import { adamwSettings } from "../core/train/schedule.ts";
import { trainPlan } from "../core/train/step.ts";
import type { Engine } from "../kernels/engine.ts";

const BATCH = 6;
const CLASSES = 3;
const STEPS = 4;

const CONFIG = {
  architecture: "vit" as const,
  imageSize: 16,
  patchSize: 4,
  channels: 3,
  width: 48,
  depth: 2,
  heads: 3,
  mlpHidden: 96,
  classes: CLASSES,
  eps: 1e-6,
};

/** Losses of the steps as the ops' float64 references compute them. */
export const KNOWN_LOSSES: readonly number[] = [
  1.0846682786941528,
  1.0496076345443726,
  0.9202606678009033,
  0.8512012958526611,
];

/** Largest difference of a loss from the known one. */
export const SELF_TEST_TOLERANCE = 1e-4;

/** What a self-test found. */
export interface SelfTestResult {
  readonly passed: boolean;
  readonly losses: readonly number[];
  /** From the known losses. */
  readonly largestDifference: number;
  readonly seconds: number;
}

/**
 * Trains a tiny ViT with every weight and adapter open, and compares losses.
 *
 * @throws {DeviceError} If the engine fails.
 */
export async function selfTest(engine: Engine): Promise<SelfTestResult> {
  const started = performance.now();
  const losses = await trainTiny(engine);
  const largestDifference = losses.reduce(
    (worst, loss, i) => {
      const difference = Math.abs(loss - KNOWN_LOSSES[i]);
      // NaN is the worst of all.
      return difference <= worst ? worst : difference;
    },
    0,
  );
  return {
    passed: largestDifference <= SELF_TEST_TOLERANCE,
    losses,
    largestDifference,
    seconds: (performance.now() - started) / 1000,
  };
}

/** The losses of a few steps of a tiny model. */
export async function trainTiny(engine: Engine): Promise<number[]> {
  const method = findMethod("alore");
  const model = buildModel({
    engine,
    backbone: scratchBackbone("self-test", CONFIG, 0),
    method,
    options: resolveOptions(method, { rank: 2 }),
    classes: CLASSES,
    seed: 0,
  });
  const random = new RandomStream(0, "self-test");
  const images = Float32Array.from(
    { length: BATCH * 3 * CONFIG.imageSize ** 2 },
    () => 2 * random.next() - 1,
  );
  const labels = Int32Array.from({ length: BATCH }, (_, i) => i % CLASSES);
  const program = await engine.compile(trainPlan(model, {
    batch: BATCH,
    smoothing: 0.1,
    dropPath: false,
  }));
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const settings = adamwSettings(step, 0.02, {
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0.01,
      clip: 1,
    });
    const { loss } = await program.run({ images, labels, settings });
    losses.push(loss[0]);
  }
  program.close();
  model.close();
  return losses;
}
