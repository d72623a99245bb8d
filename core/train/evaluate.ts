/**
 * Accuracy of a model on a split.
 *
 * @module
 */

import type { Split } from "../data/dataset.ts";
import type { AdaptedModel } from "../models/adapted_model.ts";
import type { Preprocess } from "../models/backbone.ts";
import type { HostArray, Program } from "../../kernels/engine.ts";
import { Batches } from "./batches.ts";
import type { Evaluation } from "./records.ts";

/** Batches in flight, so that preparing one overlaps computing another. */
const IN_FLIGHT = 2;

/** Images a batch where nothing else is said. */
export const EVALUATION_BATCH = 64;

/** A compiled forward pass over splits of one image size. */
export class Evaluator {
  readonly #model: AdaptedModel;
  readonly #program: Program;
  readonly #batchSize: number;
  readonly #preprocess: Preprocess;

  private constructor(
    model: AdaptedModel,
    program: Program,
    options: EvaluatorOptions,
  ) {
    this.#model = model;
    this.#program = program;
    this.#batchSize = options.batchSize ?? EVALUATION_BATCH;
    this.#preprocess = options.preprocess;
  }

  /**
   * Compiles the forward pass of a model.
   *
   * @throws {RangeError} If the engine cannot hold it.
   */
  static async open(
    model: AdaptedModel,
    options: EvaluatorOptions,
  ): Promise<Evaluator> {
    const plan = model.forwardPlan(options.batchSize ?? EVALUATION_BATCH);
    const program = await model.engine.compile(plan);
    return new Evaluator(model, program, options);
  }

  /**
   * Computes logits and accuracy of every image of a split, in order.
   *
   * @param onBatch Called with the images done so far.
   */
  async evaluate(
    split: Split,
    onBatch?: (done: number) => void,
  ): Promise<Evaluation> {
    const { classes, imageSize } = this.#model.spec.config;
    const batches = new Batches(split, {
      batchSize: this.#batchSize,
      imageSize,
      preprocess: this.#preprocess,
      seed: 0,
    });
    const slots = Array.from({ length: IN_FLIGHT }, () => batches.allocate());
    const pending: Promise<Record<string, HostArray>>[] = [];
    const logits = new Float32Array(split.count * classes);
    let done = 0;
    const collect = async (): Promise<void> => {
      const results = await pending.shift();
      if (!results) return;
      const rows = Math.min(this.#batchSize, split.count - done);
      const values = results.logits.subarray(0, rows * classes);
      logits.set(values, done * classes);
      done += rows;
      onBatch?.(done);
    };
    const started = performance.now();
    for (let step = 0; step < batches.steps; step++) {
      if (pending.length === IN_FLIGHT) await collect();
      const batch = slots[step % IN_FLIGHT];
      batches.fill(batch, step);
      pending.push(this.#program.run({ images: batch.images }));
    }
    while (pending.length > 0) await collect();
    const seconds = (performance.now() - started) / 1000;
    return score(logits, split.labels, classes, split.count / seconds);
  }

  /** Frees the compiled program. */
  close(): void {
    this.#program.close();
  }
}

/** Options of {@linkcode Evaluator.open}. */
export interface EvaluatorOptions {
  readonly preprocess: Preprocess;
  /** Default 64. */
  readonly batchSize?: number;
}

/**
 * Scores logits against labels.
 *
 * @param logits `[count, classes]`.
 * @param labels `[count]`.
 */
export function score(
  logits: Float32Array,
  labels: Int32Array,
  classes: number,
  imagesPerSecond: number,
): Evaluation {
  const count = labels.length;
  const confusion = Array.from(
    { length: classes },
    () => new Array<number>(classes).fill(0),
  );
  let [loss, top1, top5] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const label = labels[i];
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const sum = row.reduce((s, v) => s + Math.exp(v - largest), 0);
    loss += largest + Math.log(sum) - row[label];
    confusion[label][row.indexOf(largest)]++;
    const better = row.reduce((n, v) => n + Number(v > row[label]), 0);
    if (row.indexOf(largest) === label) top1++;
    if (better < 5) top5++;
  }
  const shares = confusion.map((row, label) => ({
    right: row[label],
    all: row.reduce((a, b) => a + b, 0),
  })).filter(({ all }) => all > 0).map(({ right, all }) => right / all);
  return {
    count,
    loss: loss / count,
    top1: top1 / count,
    top5: top5 / count,
    meanPerClass: shares.reduce((a, b) => a + b, 0) / shares.length,
    confusion,
    logits,
    imagesPerSecond,
  };
}
