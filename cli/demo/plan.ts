/**
 * What the demo trains.
 *
 * @module
 */

import { noAugment } from "../../core/data/augment.ts";
import {
  defaultSettings,
  type TrainSettings,
} from "../../core/train/settings.ts";

/** One method of the demo. */
export interface DemoRun {
  readonly method: string;
  readonly options: Readonly<Record<string, number | string>>;
  /** Chosen on the validation images with `demo --search`. */
  readonly lr: number;
  /** What the table says beside the numbers. */
  readonly note: string;
}

/** The methods in the order of the table; the last is the one it is about. */
export const demoRuns: readonly DemoRun[] = [
  { method: "linear", options: {}, lr: 3e-3, note: "" },
  { method: "full", options: {}, lr: 3e-4, note: "" },
  {
    method: "alore",
    options: { experts: 4, rank: 4 },
    lr: 3e-3,
    note: "n=4 experts, rank 4",
  },
];

/** Learning rates that the search tries. */
export const searchedRates: readonly number[] = [
  1e-4,
  3e-4,
  1e-3,
  3e-3,
  1e-2,
  3e-2,
  1e-1,
  3e-1,
];

/** The same budget for every method. */
export function demoSettings(
  lr: number,
  { epochs, seed }: { epochs: number; seed: number },
): TrainSettings {
  return {
    ...defaultSettings,
    augment: noAugment,
    epochs,
    batchSize: 32,
    lr,
    minLr: lr / 100,
    warmupEpochs: Math.min(1, epochs / 4),
    clip: 1,
    seed,
  };
}
