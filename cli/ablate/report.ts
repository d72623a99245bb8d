/**
 * The page of a study, from its files.
 *
 * @module
 */

import {
  type StudyReport,
  studyReport,
  type StudyRun,
} from "../../core/study/report/study_report.ts";
import { tableOf } from "../../core/study/report/study_cells.ts";
import type { RunResult } from "../../core/study/run_result.ts";
import type { StudyDirectory } from "../../core/study/study_directory.ts";
import { RunDirectory } from "../../core/train/run_directory.ts";
import { VERSION } from "../../core/version.ts";
import { writeFile } from "../../core/weights/write_file.ts";
import { quoted, trainCommandOf } from "../report_parts.ts";
import { expertsOf, type InspectionTools } from "./experts.ts";
import type { PlannedStudy } from "./plan.ts";

/**
 * Checks before anything runs that a study has a baseline.
 *
 * @throws {RangeError} If it does not.
 */
export function checkBaseline(
  { plan }: Pick<PlannedStudy, "plan">,
  results: readonly RunResult[],
  baseline: string,
): void {
  const planned = plan.runs.map(({ hash, config, parameters }) => ({
    hash,
    origin: config,
    parameters,
  }));
  const done = results.map((result) => ({ ...result, origin: result }));
  const runs = [...planned, ...done].map((run): StudyRun => ({
    ...run,
    state: "new",
    epochs: [],
    command: "",
  }));
  tableOf(runs, baseline);
}

/**
 * Writes `report.html`.
 *
 * @param tools To look inside of the best run with ALoRE, if it is another one
 * than before.
 * @returns Where it is.
 */
export async function writeReport(
  planned: PlannedStudy,
  results: readonly RunResult[],
  { baseline, tools }: {
    readonly baseline?: StudyReport["baseline"];
    readonly tools?: InspectionTools;
  },
): Promise<string> {
  const { study } = planned;
  const runs = await runsOf(planned, results);
  const path = study.file("report.html");
  const engines = new Set(results.map(({ engine }) => engine));
  const dates = results.map(({ date }) => date.slice(0, 10)).sort();
  const text = studyReport({
    title: study.path,
    subtitle: [`alore ${VERSION}`, ...engines, ...dates.slice(-1)].join(" · "),
    runs,
    repeat: [
      `deno task alore ablate --spec ${quoted(study.file("study.json"))} ` +
      "--out runs/again",
    ],
    baseline,
    experts: await expertsOf(planned, runs, tools),
  });
  await writeFile(path, text, { overwrite: true });
  return path;
}

/** The runs of the plan, then those that only an earlier plan had. */
async function runsOf(
  { study, plan, statuses }: PlannedStudy,
  results: readonly RunResult[],
): Promise<StudyRun[]> {
  const found = new Map(results.map((result) => [result.hash, result]));
  const runs: StudyRun[] = [];
  for (const { hash, config, parameters } of plan.runs) {
    const { state = "new", error } = statuses.get(hash) ?? {};
    const result = found.get(hash);
    found.delete(hash);
    runs.push({
      hash,
      origin: config,
      state: result ? "done" : state,
      parameters,
      error: error?.message,
      result,
      command: trainCommandOf(config, `runs/${hash}`),
      ...await filesOf(study, hash, result !== undefined),
    });
  }
  for (const result of found.values()) {
    const { hash, parameters } = result;
    runs.push({
      hash,
      origin: result,
      state: "done",
      parameters,
      result,
      command: trainCommandOf(result, `runs/${hash}`),
      ...await filesOf(study, hash, true),
    });
  }
  return runs;
}

/** What the folder of a run adds, as far as it is still there. */
async function filesOf(
  study: StudyDirectory,
  hash: string,
  done: boolean,
): Promise<Pick<StudyRun, "right" | "epochs" | "configPath">> {
  let run: RunDirectory;
  try {
    run = await RunDirectory.open(study.runPath(hash));
  } catch {
    return { epochs: [] };
  }
  const epochs = await run.readRecords();
  const configPath = `runs/${hash}/config.json`;
  if (!done) return { epochs, configPath };
  try {
    const { labels, predictions } = await study.predictions(hash);
    const right = Uint8Array.from(
      labels,
      (label, i) => Number(label === predictions[i]),
    );
    return { epochs, configPath, right };
  } catch {
    return { epochs, configPath };
  }
}
