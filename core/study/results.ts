/**
 * The results of a study: gathered, read, and written as tables.
 *
 * @module
 */

import { writeFile } from "../weights/write_file.ts";
import { aggregate } from "./aggregate.ts";
import { resultsCsv } from "./results_csv.ts";
import { latexTables, markdownTables } from "./results_table.ts";
import { parseResult, type RunResult } from "./run_result.ts";
import { readText, StudyDirectory } from "./study_directory.ts";

const LOG = "results.jsonl";

/** A study for whoever reads it. */
export interface StudyResults {
  /** Its folder, for `result`, `predictions` and `runPath`. */
  readonly directory: StudyDirectory;
  /** One a run, the latest where a run was done twice. */
  readonly results: readonly RunResult[];
}

/**
 * Reads a study's `results.jsonl`; none of its runs needs to be there.
 *
 * @throws {SyntaxError} If a line is no result.
 */
export async function readStudy(path: string): Promise<StudyResults> {
  const directory = new StudyDirectory(path);
  return { directory, results: await readLog(directory) };
}

/**
 * Adds the results of runs that are done to `results.jsonl`, and makes the
 * tables from it. Only results that are not there yet are read.
 *
 * @param again Runs to read in any case, for they were done again.
 * @returns All results.
 */
export async function gatherResults(
  study: StudyDirectory,
  again: Iterable<string> = [],
): Promise<readonly RunResult[]> {
  await using lock = await study.lockSoon("results");
  const logged = await readLog(study);
  // Whoever holds the lock for so long gathers these results too.
  if (!lock) return logged;
  const known = new Map(logged.map(({ hash, date }) => [hash, date]));
  const stale = new Set(again);
  const fresh: RunResult[] = [];
  for (const hash of await runsOf(study)) {
    if (known.has(hash) && !stale.has(hash)) continue;
    const result = await study.result(hash);
    if (result && known.get(hash) !== result.date) fresh.push(result);
  }
  fresh.sort((a, b) => a.date < b.date ? -1 : 1);
  if (fresh.length > 0) await appendResults(study, fresh);
  const all = latest([...logged, ...fresh]);
  await writeTables(study, all);
  return all;
}

/** Appends whole lines; a last line that a crash cut short is ended first. */
async function appendResults(
  study: StudyDirectory,
  results: readonly RunResult[],
): Promise<void> {
  const path = study.file(LOG);
  const before = await readText(path) ?? "";
  const lines = results.map((result) => JSON.stringify(result) + "\n").join("");
  const cut = before !== "" && !before.endsWith("\n");
  using file = await Deno.open(path, { append: true, create: true });
  const bytes = new TextEncoder().encode((cut ? "\n" : "") + lines);
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
  await file.syncData();
}

async function writeTables(
  study: StudyDirectory,
  results: readonly RunResult[],
): Promise<void> {
  const tables = [
    aggregate(results, "last"),
    ...results.some(({ best }) => best) ? [aggregate(results, "best")] : [],
  ];
  const files: [string, string][] = [
    ["results.csv", resultsCsv(results)],
    ["table.md", markdownTables(tables)],
    ["table.tex", latexTables(tables)],
  ];
  for (const [name, text] of files) {
    await writeFile(study.file(name), text, { overwrite: true });
  }
}

async function readLog(study: StudyDirectory): Promise<RunResult[]> {
  const path = study.file(LOG);
  const lines = (await readText(path) ?? "").split("\n");
  const results: RunResult[] = [];
  lines.forEach((line, i) => {
    if (line === "" || !isJson(line)) return; // Cut short by a crash.
    results.push(parseResult(line, `${path}, line ${i + 1}`));
  });
  return latest(results);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function latest(results: readonly RunResult[]): RunResult[] {
  return [...new Map(results.map((result) => [result.hash, result])).values()];
}

async function runsOf(study: StudyDirectory): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(study.file("runs"))) {
    names.push(name);
  }
  return names.sort();
}
