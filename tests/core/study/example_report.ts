import type { ReportedRun, RunReport } from "../../../core/study/run_report.ts";
import type { EpochRecord } from "../../../core/train/records.ts";

/** An epoch that stands at a loss; validation is a little worse. */
export function exampleEpoch(epoch: number, loss: number): EpochRecord {
  return {
    epoch,
    lr: 0.01,
    trainLoss: loss,
    trainTop1: 1 / (1 + loss),
    gradientNorm: 1,
    validationLoss: loss + 0.125,
    validationTop1: 1 / (1.25 + loss),
    seconds: 2,
    imagesPerSecond: 400,
  };
}

/** A run over some epochs. */
export function exampleRun(
  name: string,
  top1: number,
  more: Partial<ReportedRun> = {},
): ReportedRun {
  return {
    name,
    trainable: 20_986,
    learningRate: 0.01,
    seconds: 29.25,
    epochs: [1, 2, 3].map((epoch) => exampleEpoch(epoch, 2 / epoch)),
    test: { count: 2000, loss: 0.875, top1, top5: 0.95, meanPerClass: 0.7 },
    ...more,
  };
}

/** Three runs on three classes, one image of each wrong. */
export function exampleReport(more: Partial<RunReport> = {}): RunReport {
  const sample = { pixels: new Uint8Array(4 * 4 * 3).fill(200), size: 4 };
  return {
    title: "alore demo",
    subtitle: "cpu engine, 2 threads · seed 0",
    facts: [["Backbone", "vit-tiny-32"]],
    options: [["label smoothing", "0.1"]],
    classes: ["cat", "dog", "fox"],
    runs: [
      exampleRun("linear", 0.564, { trainable: 1930 }),
      exampleRun("full", 0.791, { trainable: 2_691_658 }),
      exampleRun("alore", 0.741, {
        note: "n=4 experts, rank 4",
        highlighted: true,
        command: "deno task alore train --method alore",
      }),
    ],
    confusion: [[8, 1, 0], [2, 7, 0], [0, 0, 9]],
    samples: [
      { ...sample, label: 0, prediction: 0, probability: 0.975 },
      { ...sample, label: 0, prediction: 1, probability: 0.5 },
    ],
    merge: {
      foldedTensors: 24,
      largestDifference: 3.8e-6,
      agreement: 1999,
      images: 2000,
      mergedImagesPerSecond: 1432,
      unmergedImagesPerSecond: 1121,
    },
    repeat: ["deno task demo"],
    ...more,
  };
}
