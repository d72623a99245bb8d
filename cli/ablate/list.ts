/**
 * `ablate --list` and `ablate --status`.
 *
 * @module
 */

import type { RunResult } from "../../core/study/run_result.ts";
import { percent, plural } from "../format.ts";
import type { Output } from "../output.ts";
import { trainCommandOf } from "../report_parts.ts";
import { table } from "../table.ts";
import { countStates, type PlannedStudy, statesText } from "./plan.ts";

/** One run as `--json` tells it. */
export function runDocuments(
  { study, plan, statuses, labels }: PlannedStudy,
): Record<string, unknown>[] {
  return plan.runs.map(({ index, hash, config, parameters }) => ({
    index,
    hash,
    ...statuses.get(hash),
    label: labels.get(hash),
    run: study.runPath(hash),
    parameters,
    method: config.method,
    options: config.options,
    settings: config.settings,
    data: config.data,
    backbone: config.backbone,
    command: trainCommandOf(config, `runs/${hash}`),
  }));
}

/** Prints every run and the command that repeats it outside of the study. */
export function printList(
  planned: PlannedStudy,
  results: readonly RunResult[],
  output: Output,
): unknown {
  const { plan, statuses, labels } = planned;
  const found = new Map(results.map(({ hash, test }) => [hash, test.top1]));
  const rows = plan.runs.map(({ index, hash, config }) => {
    const { state, epochs } = statuses.get(hash)!;
    const top1 = found.get(hash);
    const share = state === "done" && top1 !== undefined
      ? percent(top1)
      : epochs === undefined
      ? ""
      : `${epochs}/${config.settings.epochs} epochs`;
    return [`${index}`, hash, state, share, labels.get(hash) ?? ""];
  });
  const lines = table([
    { title: "index", align: "right" },
    { title: "run" },
    { title: "state" },
    { title: "test", align: "right" },
    { title: "setting" },
  ], rows);
  output.print(lines[0]);
  plan.runs.forEach(({ hash, config }, i) => {
    output.print(lines[i + 1]);
    const error = statuses.get(hash)?.error;
    if (error) output.print(`       ${error.message}`);
    output.print(`       ${trainCommandOf(config, `runs/${hash}`)}`);
  });
  output.print();
  output.print(statesText(planned));
  return documentOf(planned, { runs: runDocuments(planned) });
}

/** Prints how many runs are where, and why some failed. */
export function printStatus(planned: PlannedStudy, output: Output): unknown {
  const { study, plan, statuses } = planned;
  output.print(`${study.path}  ${statesText(planned)}`);
  const failures = plan.runs.flatMap(({ hash }) =>
    statuses.get(hash)?.error?.message ?? []
  );
  for (const [message, all] of Map.groupBy(failures, (text) => text)) {
    output.print(`${plural(all.length, "failure")}  ${message}`);
  }
  return documentOf(planned, {});
}

/** What every `ablate` document starts with. */
export function documentOf(
  planned: PlannedStudy,
  more: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { study, plan } = planned;
  return {
    study: study.path,
    counts: { runs: plan.runs.length, ...countStates(planned) },
    ...more,
  };
}
