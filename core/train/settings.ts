/**
 * The numbers that shape a training run.
 *
 * @module
 */

import { type AugmentOptions, noAugment } from "../data/augment.ts";
import { hinted } from "../errors.ts";
import type { Method } from "../methods/method.ts";

/** Everything about a run but the data, the backbone and the method. */
export interface TrainSettings {
  /** Passes over the training images, at least 1. */
  readonly epochs: number;
  /** Images per step, at least 1. */
  readonly batchSize: number;
  /** Peak learning rate, > 0. */
  readonly lr: number;
  /** Learning rate at the end, in [0, lr]. */
  readonly minLr: number;
  /** Epochs of linear warm-up; fractions are allowed. */
  readonly warmupEpochs: number;
  /** Decoupled weight decay, at least 0. */
  readonly weightDecay: number;
  /** AdamW's decay rates of both moments, each in [0, 1). */
  readonly betas: readonly [number, number];
  /** AdamW's, > 0. */
  readonly eps: number;
  /** Largest global gradient norm; 0 for no clipping. */
  readonly clip: number;
  /** Label smoothing, in [0, 1). */
  readonly smoothing: number;
  /** Drop path of the last block, in [0, 1); earlier blocks have less. */
  readonly dropPath: number;
  /** Of every random draw: weights, order, augmentation, drops. */
  readonly seed: number;
  /** How training images are changed at random. */
  readonly augment: AugmentOptions;
}

/**
 * The settings that a run has unless told otherwise; its learning rate is the
 * method's, see {@linkcode settingsFor}.
 */
export const defaultSettings: Omit<TrainSettings, "augment"> = {
  epochs: 20,
  batchSize: 64,
  lr: 1e-3,
  minLr: 1e-5,
  warmupEpochs: 1,
  weightDecay: 1e-4,
  betas: [0.9, 0.999],
  eps: 1e-8,
  clip: 0,
  smoothing: 0,
  dropPath: 0,
  seed: 0,
};

/** The settings of a method's run unless told otherwise. */
export function settingsFor({ lr }: Pick<Method, "lr">): TrainSettings {
  return { ...defaultSettings, augment: noAugment, lr };
}

/**
 * Checks the range of every setting.
 *
 * @throws {RangeError} That names the first one out of range.
 */
export function checkSettings(settings: TrainSettings): void {
  const whole = (n: number) => Number.isInteger(n);
  const rules: [keyof TrainSettings, boolean, string][] = [
    ["epochs", settings.epochs >= 1 && whole(settings.epochs), "at least 1"],
    [
      "batchSize",
      settings.batchSize >= 1 && whole(settings.batchSize),
      "at least 1",
    ],
    ["lr", settings.lr > 0 && settings.lr < Infinity, "above 0"],
    [
      "minLr",
      settings.minLr >= 0 && settings.minLr <= settings.lr,
      `from 0 to the learning rate ${settings.lr}`,
    ],
    [
      "warmupEpochs",
      settings.warmupEpochs >= 0 && settings.warmupEpochs <= settings.epochs,
      `from 0 to the ${settings.epochs} epochs`,
    ],
    ["weightDecay", settings.weightDecay >= 0, "at least 0"],
    ["betas", settings.betas.every((b) => b >= 0 && b < 1), "from 0 to 1"],
    ["eps", settings.eps > 0, "above 0"],
    ["clip", settings.clip >= 0, "at least 0"],
    [
      "smoothing",
      settings.smoothing >= 0 && settings.smoothing < 1,
      "from 0 to below 1",
    ],
    [
      "dropPath",
      settings.dropPath >= 0 && settings.dropPath < 1,
      "from 0 to below 1",
    ],
    ["seed", Number.isSafeInteger(settings.seed), "a whole number"],
  ];
  for (const [name, ok, wanted] of rules) {
    if (ok) continue;
    const words = name.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`);
    const flag = name === "clip" ? "clip-grad" : words.replaceAll(" ", "-");
    throw hinted(
      new RangeError(
        `Cannot train: got a ${words} of ${settings[name]}, wanted ${wanted}`,
      ),
      `set --${flag}`,
    );
  }
}
