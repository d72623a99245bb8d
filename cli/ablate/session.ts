/**
 * Does the runs of a study one after the other.
 *
 * @module
 */

import type { Engine } from "../../kernels/engine.ts";
import { executeRun, type RunOutcome } from "../../core/study/execute_run.ts";
import { gatherResults } from "../../core/study/results.ts";
import type { Sources } from "../../core/study/sources.ts";
import type { PlannedRun } from "../../core/study/study_plan.ts";
import { hintOf } from "../../core/errors.ts";
import { clock, percent } from "../format.ts";
import type { Output } from "../output.ts";
import { TrainBar } from "../progress.ts";
import type { PlannedStudy } from "./plan.ts";

/** What a process works with. */
export interface Session {
  readonly engineOf: (run: PlannedRun) => Engine;
  readonly planned: PlannedStudy;
  readonly sources: Sources;
  readonly output: Output;
  readonly signal: AbortSignal;
  /**
   * Wait to see whether a run's process on another machine is dead: a task of a
   * job array is the only one that will do its runs.
   */
  readonly patient: boolean;
}

/** What came of the runs. */
export interface Worked {
  readonly done: number;
  readonly failed: number;
  /** Others work on them, or did. */
  readonly elsewhere: number;
  /** The run that a signal stopped. */
  readonly stopped?: PlannedRun;
}

/**
 * Does runs until all are done or the signal aborts. A run that another process
 * works on is looked at again at the end, in case that process died.
 */
export async function work(
  session: Session,
  todo: readonly PlannedRun[],
): Promise<Worked> {
  const totals = { done: 0, failed: 0, skipped: 0 };
  const numbers = new Map(todo.map(({ hash }, i) => [hash, i + 1]));
  let left = todo;
  for (let before = Infinity; left.length > 0 && left.length < before;) {
    before = left.length;
    const busy: PlannedRun[] = [];
    for (const run of left) {
      const title = titleOf(session, run, numbers.get(run.hash)!, todo.length);
      if (session.signal.aborted) return worked(totals, busy.length, run);
      const outcome = await workOn(session, run, title);
      if (outcome.kind === "busy") busy.push(run);
      if (outcome.kind === "done") totals.done++;
      if (outcome.kind === "failed") totals.failed++;
      if (outcome.kind === "skipped") totals.skipped++;
      if (outcome.kind === "interrupted") {
        return worked(totals, busy.length, run);
      }
    }
    left = busy;
    if (!session.patient || left.length < before) continue;
    for (const { hash } of left) {
      if (await session.planned.study.outlast(hash, session.signal)) {
        before = Infinity;
      }
    }
  }
  return worked(totals, left.length);
}

function worked(
  { done, failed, skipped }: Record<"done" | "failed" | "skipped", number>,
  busy: number,
  stopped?: PlannedRun,
): Worked {
  return { done, failed, elsewhere: skipped + busy, stopped };
}

/** `[ 3/16] alore experts 2 rank 4`. */
function titleOf(
  { planned }: Session,
  { hash }: PlannedRun,
  number: number,
  all: number,
): string {
  const place = `${number}`.padStart(`${all}`.length);
  return `[${place}/${all}] ${planned.labels.get(hash)}`;
}

async function workOn(
  { engineOf, planned, sources, output, signal }: Session,
  run: PlannedRun,
  title: string,
): Promise<RunOutcome> {
  const { study } = planned;
  const bar = new TrainBar(output, {
    title,
    trainable: run.parameters,
    brief: true,
  });
  let outcome: RunOutcome;
  try {
    outcome = await executeRun({
      engine: engineOf(run),
      study,
      run,
      sources,
      signal,
      onStep: (step) => bar.onStep(step),
      onEpoch: (record) => bar.onEpoch(record),
    });
  } finally {
    bar.stop();
  }
  if (outcome.kind === "done") {
    const { test, seconds } = outcome.result;
    output.note(
      `${title}  ${run.hash}  test ${percent(test.top1)} · ${clock(seconds)}`,
    );
    // A table that is up to date lets people look in while a study goes on.
    await gatherResults(study, [run.hash]);
  } else if (outcome.kind === "failed") {
    const { error } = outcome;
    output.note(`${title}  ${run.hash}  failed: ${error.message}`);
    const hint = hintOf(error);
    if (hint) output.detail(hint);
    output.detail(error.stack ?? "");
  } else if (outcome.kind !== "interrupted") {
    const why = outcome.kind === "busy" ? "another process has it" : "is done";
    output.note(`${title}  ${run.hash}  ${why}`);
  }
  return outcome;
}
