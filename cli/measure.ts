/**
 * Measures images a second.
 *
 * @module
 */

import type { AdaptedModel } from "../core/models/adapted_model.ts";
import { RandomStream } from "../core/rng.ts";
import type { Batch } from "../core/train/batches.ts";

/** Images a second over the repeats. */
export interface Speed {
  readonly median: number;
  /** A tenth of the repeats was slower, a tenth faster. */
  readonly p10: number;
  readonly p90: number;
}

/** How much to measure. */
export interface MeasureOptions {
  /** Images a run. */
  readonly batch: number;
  /** Groups of runs that count. */
  readonly repeats: number;
  /** Runs in flight, as training and evaluation start them. */
  readonly inFlight: number;
}

/** Groups before the first that counts. */
const WARM_UP = 2;

/** As in evaluation. */
const INFERENCE_IN_FLIGHT = 2;

/** Times groups of runs, each awaited. */
export async function measure(
  start: () => Promise<unknown>,
  { batch, repeats, inFlight }: MeasureOptions,
): Promise<Speed> {
  const group = () => Promise.all(Array.from({ length: inFlight }, start));
  for (let i = 0; i < WARM_UP; i++) await group();
  const speeds: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const started = performance.now();
    await group();
    const seconds = (performance.now() - started) / 1000;
    speeds.push(inFlight * batch / seconds);
  }
  return speedOf(speeds);
}

function speedOf(speeds: number[]): Speed {
  const sorted = speeds.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))];
  return { median: at(0.5), p10: at(0.1), p90: at(0.9) };
}

/** Times the forward pass of a model on random images. */
export async function measureInference(
  model: AdaptedModel,
  options: Omit<MeasureOptions, "inFlight">,
): Promise<Speed> {
  const { images } = randomBatch(model, options.batch);
  const program = await model.engine.compile(model.forwardPlan(options.batch));
  try {
    const inFlight = INFERENCE_IN_FLIGHT;
    return await measure(() => program.run({ images }), {
      ...options,
      inFlight,
    });
  } finally {
    program.close();
  }
}

/** Normalised noise with every class in turn. */
export function randomBatch(model: AdaptedModel, count: number): Batch {
  const { imageSize, channels, classes } = model.spec.config;
  const random = new RandomStream(0, "bench");
  const images = Float32Array.from(
    { length: count * channels * imageSize ** 2 },
    () => 2 * random.next() - 1,
  );
  const labels = Int32Array.from({ length: count }, (_, i) => i % classes);
  return { images, labels, count };
}
