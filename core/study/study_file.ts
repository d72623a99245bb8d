/**
 * The grids that a study was ever started with, in its `study.json`.
 *
 * @module
 */

import { writeFile } from "../weights/write_file.ts";
import type { Grid } from "./grid.ts";
import { canonicalJson } from "./identity.ts";
import { parseSpec } from "./spec.ts";
import { readText, type StudyDirectory } from "./study_directory.ts";

const FILE = "study.json";

/**
 * Reads the grids of a study; none if it was never started.
 *
 * @throws {SyntaxError} If the file is damaged.
 */
export async function readGrids(study: StudyDirectory): Promise<Grid[]> {
  const path = study.file(FILE);
  const text = await readText(path);
  return text === undefined ? [] : parseSpec(text, path);
}

/**
 * Adds grids to those of a study, whose folder is there; one that it has already
 * is not added.
 */
export async function addGrids(
  study: StudyDirectory,
  grids: readonly Grid[],
): Promise<void> {
  await using _lock = await study.lockSoon("study");
  const before = await readGrids(study);
  const all = [...before, ...grids];
  const distinct = [
    ...new Map(all.map((grid) => [canonicalJson(grid), grid])).values(),
  ];
  if (distinct.length === before.length) return;
  await writeGrids(study.file(FILE), distinct);
}

/** Writes grids as a file that `--spec` reads. */
export async function writeGrids(
  path: string,
  grids: readonly Grid[],
): Promise<void> {
  const short = grids.map((grid) =>
    Object.fromEntries(
      Object.entries(grid).map(([name, values]) => [
        name,
        values.length === 1 ? values[0] : values,
      ]),
    )
  );
  // One grid a line.
  const lines = short.map((grid) => JSON.stringify(grid)).join(",\n  ");
  const text = `{\n "grids": [\n  ${lines}\n ]\n}\n`;
  await writeFile(path, text, { overwrite: true });
}
