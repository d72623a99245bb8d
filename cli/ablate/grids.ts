/**
 * The grids that an `ablate` command asks for.
 *
 * @module
 */

import { hinted } from "../../core/errors.ts";
import { type AxisValue, axisValue, findAxis } from "../../core/study/axes.ts";
import type { Grid } from "../../core/study/grid.ts";
import { parseSpec, seedsOf } from "../../core/study/spec.ts";
import type { StudyDirectory } from "../../core/study/study_directory.ts";
import { readGrids } from "../../core/study/study_file.ts";
import { readFile } from "../../core/weights/read_file.ts";
import type { Input } from "../input.ts";
import { UsageError } from "../usage_error.ts";
import { axisFlags, SEEDS } from "./flags.ts";

/**
 * The grids of the flags, of `--spec` with the flags in place of what it says,
 * or, where neither is given, of the study that is there.
 *
 * @throws {UsageError} If a value is none of its axis, or nothing is given and
 * there is no study.
 * @throws {SyntaxError} If the file is no study.
 */
export async function gridsFrom(
  input: Input,
  study: StudyDirectory,
): Promise<readonly Grid[]> {
  const typed = typedGrid(input);
  const spec = input.textOr("spec");
  if (spec !== undefined) {
    const text = new TextDecoder().decode(await readFile(spec));
    return parseSpec(text, spec).map((grid) => ({ ...grid, ...typed }));
  }
  if (Object.keys(typed).length > 0) return [typed];
  const saved = await readGrids(study);
  if (saved.length > 0) return saved;
  throw hinted(
    new UsageError(
      `Cannot go on with ${study.path}: got no grid, and no study is there`,
    ),
    "start one with --data and some lists, such as --rank 2,4,8; see: " +
      "alore ablate --help",
  );
}

/** Adds to an error about a path that a study, not the command line, names. */
export function seenFromElsewhere(error: unknown, input: Input): unknown {
  const missing = error instanceof Error &&
    error.cause instanceof Deno.errors.NotFound;
  const typed = input.given("spec") || Object.keys(typedGrid(input)).length > 0;
  if (!missing || typed) return error;
  return hinted(
    error,
    "a study's paths are seen from the folder where it was started: run this " +
      "there, or write absolute paths into its study.json",
  );
}

function typedGrid(input: Input): Grid {
  const grid: Record<string, readonly AxisValue[]> = {};
  for (const { name } of axisFlags) {
    const text = input.textOr(name);
    if (text === undefined) continue;
    if (name === SEEDS) grid.seed = seeds(text);
    else grid[name] = valuesOf(name, text, name);
  }
  if (input.given("seed") && input.given(SEEDS)) {
    throw new UsageError("Cannot use --seed: got --seeds as well, wanted one");
  }
  return grid;
}

/** "3" is a number of seeds, "1,7" is a list. */
function seeds(text: string): readonly number[] {
  const list = valuesOf("seed", text, SEEDS).map(Number);
  if (text.includes(",")) return list;
  if (list[0] >= 1) return seedsOf(list[0]);
  throw hinted(
    new UsageError(`Cannot use --${SEEDS}: got ${text}, wanted at least 1`),
    `--seed ${text} is one seed`,
  );
}

function valuesOf(name: string, text: string, flag: string): AxisValue[] {
  const axis = findAxis(name);
  return text.split(",").map((word) => {
    const value = axisValue(axis, word.trim());
    if (value !== undefined) return value;
    const kind = axis.kind === "integer" ? "whole numbers" : `${axis.kind}s`;
    throw new UsageError(
      `Cannot use --${flag}: got "${word}", wanted ${kind} parted by commas`,
    );
  });
}
