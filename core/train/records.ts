/**
 * What training and evaluation report.
 *
 * @module
 */

/** One line of `metrics.jsonl`. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number;
  /** Of the last step. */
  readonly lr: number;
  /** Mean over the epoch's images, with whatever smoothing trains. */
  readonly trainLoss: number;
  /** In [0, 1], on the augmented images as they were trained on. */
  readonly trainTop1: number;
  /** Largest gradient norm before clipping. */
  readonly gradientNorm: number;
  /** Mean cross-entropy without smoothing; absent without a validation split. */
  readonly validationLoss?: number;
  /** In [0, 1]. */
  readonly validationTop1?: number;
  /** Training only, without validation. */
  readonly seconds: number;
  /** Training images per second. */
  readonly imagesPerSecond: number;
}

/** Where a run is within an epoch, for progress bars. */
export interface StepProgress {
  /** Counted from 1. */
  readonly epoch: number;
  /** Epochs of the whole run. */
  readonly epochs: number;
  /** Steps done in this epoch, and in all of it. */
  readonly step: number;
  /** Steps of an epoch. */
  readonly steps: number;
  /** Means over the epoch so far. */
  readonly loss: number;
  /** In [0, 1], over the epoch so far. */
  readonly top1: number;
  /** Over the epoch so far. */
  readonly imagesPerSecond: number;
}

/** What a model does on one split. */
export interface Evaluation {
  /** Images evaluated. */
  readonly count: number;
  /** Mean cross-entropy. */
  readonly loss: number;
  /** Shares in [0, 1]. */
  readonly top1: number;
  /** Equal to 1 with five classes or fewer. */
  readonly top5: number;
  /** Mean over the classes that occur of the share that is right. */
  readonly meanPerClass: number;
  /** `confusion[label][prediction]`, counts. */
  readonly confusion: readonly (readonly number[])[];
  /** `[count, classes]`, row-major. */
  readonly logits: Float32Array;
  /** Images per second, preparing them included. */
  readonly imagesPerSecond: number;
}
