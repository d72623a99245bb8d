import type { Evaluation } from "../../core/train/records.ts";
import type { MergeCheck } from "../../core/train/verify_merge.ts";
import type { ReportedRun } from "../../core/study/run_report.ts";
import { VERSION } from "../../core/version.ts";
import type { Speed } from "../measure.ts";
import {
  optionFacts,
  originFacts,
  samplesOf,
  trainCommandOf,
} from "../report_parts.ts";
import { type DemoResult, type DemoSession, testSplit } from "./session.ts";

/** A trained method and its test. */
export interface Tested extends DemoResult {
  readonly test: Evaluation;
}

/** What the demo found out. */
export interface DemoFindings {
  readonly tested: readonly Tested[];
  readonly merge: MergeCheck;
  readonly merged: Speed;
  readonly unmerged: Speed;
}

/** The demo's page. */
export async function demoReport(
  session: DemoSession,
  { tested, merge, merged, unmerged }: DemoFindings,
  folder: string,
): Promise<string> {
  const { dataset, budget, engine } = session;
  const main = tested[tested.length - 1];
  const runs = tested.map((result): ReportedRun => ({
    name: result.run.method,
    note: result.run.note || undefined,
    trainable: result.model.trainableCount,
    learningRate: result.run.lr,
    seconds: result.seconds,
    epochs: result.records,
    test: result.test,
    highlighted: result === main,
    command: trainCommandOf(result.config, `runs/${result.run.method}`),
  }));
  // Charts take a while to load, and most commands draw none.
  const { runReport } = await import("../../core/study/run_report.ts");
  const date = new Date().toISOString().slice(0, 10);
  return runReport({
    title: `ALoRE on ${dataset.description.name}`,
    subtitle: `alore ${VERSION} · ${engine.description} · seed ` +
      `${budget.seed} · ${date}`,
    facts: originFacts(main.config),
    options: optionFacts(main.config),
    classes: dataset.classes,
    runs,
    confusion: main.test.confusion,
    samples: samplesOf(testSplit(dataset), main.test, dataset.imageSize),
    merge: {
      foldedTensors: merge.folded.length,
      largestDifference: merge.largestDifference,
      agreement: merge.agreement,
      images: merge.images,
      mergedImagesPerSecond: merged.median,
      unmergedImagesPerSecond: unmerged.median,
    },
    repeat: [
      "deno task demo",
      `deno task alore eval --run ${folder}/${main.run.method}`,
    ],
  });
}
