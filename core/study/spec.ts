/**
 * A study as a file.
 *
 * ```yaml
 * data: digits.safetensors
 * seeds: 3
 * grids:
 *   - { method: alore, experts: [1, 2, 4, 8], rank: [1, 2, 4, 8] }
 *   - { method: lora, rank: [2, 4, 8], lr: 1e-3 }
 * ```
 *
 * Names are those of the command line. What stands outside of `grids` holds for
 * every grid that does not say otherwise; without `grids` it is the only one.
 *
 * @module
 */

import { z } from "zod";
import { hinted } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { axes, type Axis, axisValue } from "./axes.ts";
import type { Grid } from "./grid.ts";
import { readSpecText, type SpecText } from "./spec_text.ts";

const SEEDS = "seeds";
const GRIDS = "grids";

const WANTED: Readonly<Record<Axis["kind"], string>> = {
  integer: "a whole number or a list of them",
  number: "a number or a list of them",
  text: "text or a list of texts",
  list: "text such as q+v or a list of texts",
};

const gridFields = {
  ...Object.fromEntries(
    [...axes.values()].map((axis) => [axis.name, valuesOf(axis).optional()]),
  ),
  [SEEDS]: z.union([z.int().positive(), z.array(z.int().min(0)).min(1)])
    .optional(),
};
const gridSchema = z.strictObject(gridFields);
const specSchema = z.strictObject({
  ...gridFields,
  [GRIDS]: z.array(gridSchema).min(1).optional(),
});

/** A value or a list of values, as a list. */
function valuesOf(axis: Axis) {
  const value = z.union([z.string(), z.number()])
    .refine((given) => axisValue(axis, given) !== undefined)
    .transform((given) => axisValue(axis, given) ?? given);
  return z.union([
    value.transform((one) => [one]),
    z.array(value).min(1),
  ]);
}

/**
 * Reads a study.
 *
 * @param path What messages call it; its extension says what it is.
 * @throws {SyntaxError} If it is no study; the message has the field and, for
 * YAML and JSON, the line.
 * @throws {RangeError} If the extension is unknown.
 */
export function parseSpec(text: string, path: string): Grid[] {
  const spec = readSpecText(text, path);
  const result = specSchema.safeParse(spec.value);
  if (!result.success) throw faultOf(result.error.issues[0], spec, path);
  const { grids, ...common } = result.data;
  return (grids ?? [{}]).map((grid) =>
    toGrid({ ...withoutSeed(common, grid), ...grid })
  );
}

/** `seed` and `seeds` are two ways to say one thing. */
function withoutSeed(common: Fields, grid: Fields): Fields {
  if (!("seed" in grid) && !(SEEDS in grid)) return common;
  const { seed: _, [SEEDS]: __, ...rest } = common;
  return rest;
}

type Fields = Readonly<Record<string, unknown>>;

function toGrid({ seeds, ...fields }: Fields): Grid {
  const grid = fields as Grid;
  return seeds === undefined
    ? grid
    : { ...grid, seed: seedsOf(seeds as number | number[]) };
}

/** 3 stands for the seeds 0, 1 and 2. */
export function seedsOf(seeds: number | readonly number[]): readonly number[] {
  return typeof seeds === "number"
    ? Array.from({ length: seeds }, (_, i) => i)
    : seeds;
}

function faultOf(
  issue: z.core.$ZodIssue,
  spec: SpecText,
  path: string,
): SyntaxError {
  const unknown = issue.code === "unrecognized_keys"
    ? issue.keys[0]
    : undefined;
  const field = unknown === undefined ? issue.path : [...issue.path, unknown];
  const line = spec.lineOf(field);
  const start = `Cannot read the study ${path}` +
    (line === undefined ? ":" : `, line ${line}:`);
  if (unknown !== undefined) {
    const names = [...axes.keys(), SEEDS, GRIDS];
    return hinted(
      new SyntaxError(
        `${start} got an unknown field "${field.join(".")}", wanted one of ` +
          names.join(", "),
      ),
      `did you mean ${nearest(unknown, names)}?`,
    );
  }
  const name = field.filter((part) => typeof part === "string").at(-1);
  const got = JSON.stringify(at(spec.value, field)) ?? "nothing";
  return new SyntaxError(
    field.length === 0
      ? `${start} got ${got}, wanted fields such as method and data`
      : `${start} got ${got} for "${field.join(".")}", wanted ` +
        wantedOf(String(name)),
  );
}

function wantedOf(name: string): string {
  if (name === SEEDS) return "a number of seeds or a list of them";
  if (name === GRIDS) return "a list of grids";
  const axis = axes.get(name);
  return axis ? WANTED[axis.kind] : "another value";
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (found, key) =>
      typeof found === "object" && found !== null
        ? Object.entries(found).find(([name]) => name === String(key))?.[1]
        : undefined,
    value,
  );
}
