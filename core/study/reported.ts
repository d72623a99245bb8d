import type { EpochRecord, Evaluation } from "../train/records.ts";

/** A trained run as the report shows it. */
export interface ReportedRun {
  /** The method, or whatever tells this run from the others. */
  readonly name: string;
  /** What else sets it apart, for example `n=4 experts, rank 4`. */
  readonly note?: string;
  /** Numbers that were trained, head included. */
  readonly trainable: number;
  /** Largest learning rate of the schedule. */
  readonly learningRate: number;
  /** Training, without validation. */
  readonly seconds: number;
  /** In order; empty if the run was not trained here. */
  readonly epochs: readonly EpochRecord[];
  /** What the run does on the test images. */
  readonly test: Pick<
    Evaluation,
    "count" | "loss" | "top1" | "top5" | "meanPerClass"
  >;
  /** Whether this is the run that the page is about; the last one if none is. */
  readonly highlighted?: boolean;
  /** Repeats this run. */
  readonly command?: string;
}

/** A test image with what the highlighted run says of it. */
export interface ReportedSample {
  /** (size, size, 3), 0 to 255. */
  readonly pixels: Uint8Array;
  /** Width and height. */
  readonly size: number;
  /** Index of the class that it shows. */
  readonly label: number;
  /** Index of the class that the run says. */
  readonly prediction: number;
  /** Of the prediction, in [0, 1]. */
  readonly probability: number;
}

/** How folding the adapter into the backbone went. */
export interface ReportedMerge {
  /** Frozen tensors that folding changed. */
  readonly foldedTensors: number;
  /** max |merged - unmerged| over all logits. */
  readonly largestDifference: number;
  /** Images whose top class is the same. */
  readonly agreement: number;
  /** Images compared. */
  readonly images: number;
  /** Inference of the folded model. */
  readonly mergedImagesPerSecond: number;
  /** Inference of backbone and adapter apart. */
  readonly unmergedImagesPerSecond: number;
}

/** A label and its value. */
export type Fact = readonly [label: string, value: string];

/** All that {@linkcode runReport} shows. */
export interface RunReport {
  /** Heads the page. */
  readonly title: string;
  /** Engine, threads, seed, date and version. */
  readonly subtitle: string;
  /** Backbone, data, and whatever else the result rests on. */
  readonly facts: readonly Fact[];
  /** Every option of the highlighted run, resolved. */
  readonly options?: readonly Fact[];
  /** Names, by index. */
  readonly classes: readonly string[];
  /** At least one. */
  readonly runs: readonly ReportedRun[];
  /** `confusion[label][prediction]` of the highlighted run, counts; square, as
   * large as `classes`, or empty if unknown. */
  readonly confusion: readonly (readonly number[])[];
  /** Shown in this order. */
  readonly samples: readonly ReportedSample[];
  /** Absent if nothing was folded. */
  readonly merge?: ReportedMerge;
  /** Commands that repeat the whole. */
  readonly repeat: readonly string[];
}
