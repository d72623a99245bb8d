/**
 * What an `ablate` command is about to do, for people.
 *
 * @module
 */

import { valuesOf, varying } from "../../core/study/aggregate.ts";
import type { Estimate } from "../../core/study/estimate.ts";
import type {
  RunState,
  RunStatus,
  StudyDirectory,
} from "../../core/study/study_directory.ts";
import type { PlannedRun, StudyPlan } from "../../core/study/study_plan.ts";
import { clock, count, plural } from "../format.ts";

/** A planned study and where its runs stand. */
export interface PlannedStudy {
  readonly study: StudyDirectory;
  readonly plan: StudyPlan;
  /** By the hash of a run. */
  readonly statuses: ReadonlyMap<string, RunStatus>;
  /** What tells its runs apart, by the hash of a run. */
  readonly labels: ReadonlyMap<string, string>;
}

/** Looks at every run of a plan. */
export async function lookAt(
  study: StudyDirectory,
  plan: StudyPlan,
): Promise<PlannedStudy> {
  const statuses = new Map<string, RunStatus>();
  for (const { hash } of plan.runs) {
    statuses.set(hash, await study.status(hash));
  }
  return { study, plan, statuses, labels: labelsOf(plan.runs) };
}

/** `alore experts 4 rank 2 · digits · seed 1`, as far as it varies. */
function labelsOf(runs: readonly PlannedRun[]): Map<string, string> {
  const configs = runs.map(({ config }) => config);
  const axes = varying(configs);
  const several = (values: unknown[]) => new Set(values).size > 1;
  const data = several(configs.map((config) => config.data.hash));
  const seeds = several(configs.map(({ settings }) => settings.seed));
  return new Map(runs.map(({ hash, config }) => {
    const values = valuesOf(config);
    const setting = axes.flatMap((name) =>
      values.has(name) ? [`${name} ${values.get(name)}`] : []
    );
    return [
      hash,
      [
        [config.method, ...setting].join(" "),
        ...data ? [config.data.name] : [],
        ...seeds ? [`seed ${config.settings.seed}`] : [],
      ].join(" · "),
    ];
  }));
}

const STATES: readonly RunState[] = [
  "done",
  "failed",
  "running",
  "interrupted",
  "new",
];

/** Runs by where they stand. */
export function countStates(
  { plan, statuses }: PlannedStudy,
): Record<RunState, number> {
  const counts = { done: 0, failed: 0, running: 0, interrupted: 0, new: 0 };
  for (const { hash } of plan.runs) counts[statuses.get(hash)!.state]++;
  return counts;
}

/** `16 runs: 3 done, 13 new`. */
export function statesText(planned: PlannedStudy): string {
  const counts = countStates(planned);
  const parts = STATES.filter((state) => counts[state] > 0)
    .map((state) => `${count(counts[state])} ${state}`);
  return `${plural(planned.plan.runs.length, "run")}: ${parts.join(", ")}`;
}

/** The plan, a line an element. */
export function planText(
  planned: PlannedStudy,
  todo: readonly PlannedRun[],
  time: string,
): string[] {
  const { study, plan } = planned;
  const parameters = plan.runs.map((run) => run.parameters);
  const [least, most] = [Math.min(...parameters), Math.max(...parameters)];
  const repeated = plan.duplicates > 0
    ? ` (${plural(plan.duplicates, "combination")} of the grid ${
      plan.duplicates === 1 ? "repeats another" : "repeat others"
    })`
    : "";
  return [
    `Study       ${study.path}`,
    `Runs        ${statesText(planned)}${repeated}`,
    `To do       ${plural(todo.length, "run")}`,
    `Parameters  ${
      least === most ? count(least) : `${count(least)} to ${count(most)}`
    } trainable, the head left out`,
    `Time        ${time}`,
    `Results     ${study.path}/table.md, table.tex, results.csv, ` +
    "results.jsonl",
  ];
}

/** An estimate in words. */
export function estimateText({ seconds, from, measured }: Estimate): string {
  const basis = from === "calibration"
    ? `a few steps of ${plural(measured, "method")} made now`
    : plural(measured, "finished run");
  return `about ${clock(seconds)}, by ${basis}`;
}
