/**
 * Batches of a split, normalised and augmented into arrays that are used again.
 *
 * @module
 */

import { type AugmentOptions, loadImage } from "../data/augment.ts";
import type { Split } from "../data/dataset.ts";
import type { Preprocess } from "../models/backbone.ts";
import { RandomStream } from "../rng.ts";

/** Arrays for one batch; rows past `count` have the label -1. */
export interface Batch {
  readonly images: Float32Array<ArrayBuffer>;
  readonly labels: Int32Array<ArrayBuffer>;
  count: number;
}

/** How a split becomes batches. */
export interface BatchOptions {
  readonly batchSize: number;
  /** Height and width of the images, in pixels. */
  readonly imageSize: number;
  readonly preprocess: Preprocess;
  /** Left out for evaluation. */
  readonly augment?: AugmentOptions;
  readonly seed: number;
}

/** A split cut into batches. */
export class Batches {
  readonly split: Split;
  readonly options: BatchOptions;
  /** Batches per pass; the last may be short. */
  readonly steps: number;
  #order: Int32Array | undefined;
  #epoch = 0;

  constructor(split: Split, options: BatchOptions) {
    this.split = split;
    this.options = options;
    this.steps = Math.ceil(split.count / options.batchSize);
  }

  /** Shuffles for an epoch; the order depends on seed and epoch alone. */
  shuffle(epoch: number): void {
    this.#epoch = epoch;
    this.#order = Int32Array.from({ length: this.split.count }, (_, i) => i);
    new RandomStream(this.options.seed, "shuffle", epoch).shuffle(this.#order);
  }

  /** Makes arrays for one batch. */
  allocate(): Batch {
    const { batchSize, imageSize } = this.options;
    return {
      images: new Float32Array(batchSize * 3 * imageSize ** 2),
      labels: new Int32Array(batchSize),
      count: 0,
    };
  }

  /** Fills arrays with the batch of a step. */
  fill(batch: Batch, step: number): void {
    const { batchSize, imageSize, preprocess, augment, seed } = this.options;
    const first = step * batchSize;
    batch.count = Math.min(batchSize, this.split.count - first);
    batch.labels.fill(-1);
    if (batch.count < batchSize) batch.images.fill(0);
    const floats = 3 * imageSize ** 2;
    for (let row = 0; row < batch.count; row++) {
      const index = this.#order ? this.#order[first + row] : first + row;
      batch.labels[row] = this.split.labels[index];
      loadImage(
        this.split,
        index,
        imageSize,
        batch.images,
        row * floats,
        {
          mean: [...preprocess.mean],
          std: [...preprocess.std],
        },
        augment,
        { seed, epoch: this.#epoch },
      );
    }
  }
}
