/**
 * The results of a study on a terminal.
 *
 * @module
 */

import {
  aggregate,
  type StudyTable,
  type Summary,
} from "../../core/study/aggregate.ts";
import type { RunResult } from "../../core/study/run_result.ts";
import type { StudyDirectory } from "../../core/study/study_directory.ts";
import { clock, count, percent } from "../format.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";

/** More lines than these are left to the file. */
const LINES = 40;

/** Prints the table of the last epoch, and where the files are. */
export function printResults(
  study: StudyDirectory,
  results: readonly RunResult[],
  output: Output,
): void {
  if (results.length === 0) return;
  const lines = linesOf(aggregate(results, "last"), output);
  output.print();
  lines.slice(0, LINES + 1).forEach((line) => output.print(line));
  if (lines.length > LINES + 1) {
    output.print(`… ${count(lines.length - LINES - 1)} more in table.md`);
  }
  output.print();
  output.print(
    `Tables  ${study.path}/table.md, table.tex, results.csv, results.jsonl`,
  );
}

function linesOf(
  { axes, datasets, rows, seeds: [, most] }: StudyTable,
  output: Output,
): string[] {
  const several = datasets.size > 1;
  const right = (title: string) => ({ title, align: "right" as const });
  const share = (cell: Summary | undefined) =>
    cell ? shareText(cell, most) : "–";
  const lines = table(
    [
      ...axes.map((title, i) => i === 0 ? { title } : right(title)),
      right("trainable"),
      ...[...datasets.values()].map((name) => right(`${name} test`)),
      ...several ? [right("mean")] : [],
      right("time"),
    ],
    rows.map((row) => [
      ...axes.map((name) => `${row.values.get(name) ?? "–"}`),
      count(row.parameters),
      ...[...datasets.keys()].map((data) => share(row.cells.get(data))),
      ...several ? [share(row.mean)] : [],
      clock(row.seconds),
    ]),
  );
  // The row that the eye looks for: best on average, or on the only data set.
  const top = rows.findIndex(({ mean, cells }) =>
    (mean ?? [...cells.values()][0])?.top
  );
  return lines.map((line, i) =>
    i === top + 1 && i > 0 ? output.bold(line) : line
  );
}

function shareText({ mean, std, count: n }: Summary, seeds: number): string {
  const spread = std === undefined ? "" : ` ± ${(100 * std).toFixed(1)}`;
  const few = n < seeds ? ` (n=${n})` : "";
  return std === undefined
    ? percent(mean) + few
    : `${(100 * mean).toFixed(1)}${spread} %${few}`;
}
