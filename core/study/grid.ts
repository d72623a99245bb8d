/**
 * A grid and the runs that it stands for, before data and backbones are read.
 *
 * @module
 */

import type { Precision } from "../../kernels/engine.ts";
import type { AugmentOptions } from "../data/augment.ts";
import { hinted } from "../errors.ts";
import { findMethod } from "../methods/mod.ts";
import { settingsFor, type TrainSettings } from "../train/settings.ts";
import { axes, type AxisValue, findAxis } from "./axes.ts";

/** Values by axis; every combination is a run. */
export type Grid = Readonly<Record<string, readonly AxisValue[]>>;

/** One combination. */
export interface Cell {
  /** As it was given: a path, a name, or `scratch:NAME`. */
  readonly backbone: string;
  /** Path of a data set. */
  readonly data: string;
  readonly method: string;
  /** Of the method, those that the grid sets. */
  readonly options: Readonly<Record<string, AxisValue>>;
  readonly settings: TrainSettings;
  /** Of frozen weights and activations. */
  readonly precision: Precision;
}

/** What a grid has unless told otherwise. */
const DEFAULTS: Grid = { backbone: ["vit-t8-32"], method: ["alore"] };

/**
 * Every combination of a grid. An option that a method does not have, or a word
 * that it does not know, is left out for it, so that it makes no further runs.
 *
 * The order is the order of work: seeds come first, so that a study that is
 * stopped early has every setting once; then precisions, each of which has an
 * engine; then data sets; then the settings.
 *
 * @throws {RangeError} If an axis or a precision is unknown, there is no data, or
 * an option belongs to none of the grid's methods.
 */
export function cellsOf(given: Grid): Cell[] {
  const grid = { ...DEFAULTS, ...given };
  Object.keys(grid).forEach(findAxis);
  if (!grid.data?.length) {
    throw hinted(
      new RangeError("Cannot plan the study: got no data, wanted a data set"),
      "name one or several with --data a.safetensors,b.safetensors",
    );
  }
  checkOptions(grid);
  const outer = ["backbone", "seed", "precision", "data", "method"];
  return product(outer, grid).flatMap((point) => {
    const own = ownGrid(grid, String(point.method));
    const rest = Object.keys(own).filter((name) => !outer.includes(name));
    return product(rest, own).map((more) => cellOf({ ...point, ...more }));
  });
}

/**
 * What of a grid means something to a method. A word that only another method
 * of the grid knows is left out; one that none knows is kept, to be refused.
 */
function ownGrid(grid: Grid, method: string): Grid {
  const knows = (name: string, key: string, value: AxisValue) => {
    const choices = findMethod(name).options
      .find((option) => option.name === key)?.choices;
    return choices === undefined ||
      String(value).split(",").every((word) => choices.includes(word));
  };
  const has = (name: string, key: string) =>
    findMethod(name).options.some((option) => option.name === key);
  const entries = ownAxes(grid, method).map((name) => {
    const { part, key } = findAxis(name);
    const others = grid.method.map(String).filter((other) => has(other, key));
    const values = grid[name].filter((value) =>
      part !== "option" || knows(method, key, value) ||
      !others.some((other) => knows(other, key, value))
    );
    return [name, values] as const;
  });
  return Object.fromEntries(entries.filter(([, values]) => values.length > 0));
}

/** The axes of a grid that mean something to a method. */
function ownAxes(grid: Grid, method: string): string[] {
  const options = findMethod(method).options.map(({ name }) => name);
  return [...axes.values()]
    .filter(({ name, part, key }) =>
      name in grid && (part !== "option" || options.includes(key))
    )
    .map(({ name }) => name);
}

function checkOptions(grid: Grid): void {
  const methods = grid.method.map(String);
  const used = new Set(methods.flatMap((method) => ownAxes(grid, method)));
  const idle = Object.keys(grid).find((name) => !used.has(name));
  if (idle === undefined) return;
  throw hinted(
    new RangeError(
      `Cannot vary ${idle}: got the method ${methods.join(", ")}, wanted one ` +
        "that has it as an option",
    ),
    "leave it out, or add a method that has it",
  );
}

/** Every combination of some axes, the last one changing fastest. */
function product(
  names: readonly string[],
  grid: Grid,
): Record<string, AxisValue>[] {
  let points: Record<string, AxisValue>[] = [{}];
  for (const name of names) {
    if (!grid[name]) continue;
    points = points.flatMap((point) =>
      grid[name].map((value) => ({ ...point, [name]: value }))
    );
  }
  return points;
}

function cellOf(point: Readonly<Record<string, AxisValue>>): Cell {
  const options: Record<string, AxisValue> = {};
  const settings: Record<string, AxisValue> = {};
  const augment: Record<string, AxisValue> = {};
  for (const [name, value] of Object.entries(point)) {
    const { part, key } = findAxis(name);
    if (part === "option") options[key] = value;
    if (part === "setting") settings[key] = value;
    if (part === "augment") augment[key] = value;
  }
  const defaults = settingsFor(findMethod(String(point.method)));
  const { precision = "f32" } = point;
  if (precision !== "f32" && precision !== "f16") {
    throw new RangeError(
      `Cannot plan the study: got precision ${precision}, wanted f32 or f16`,
    );
  }
  return {
    backbone: String(point.backbone),
    data: String(point.data),
    method: String(point.method),
    options,
    settings: {
      ...defaults,
      ...settings as Partial<TrainSettings>,
      augment: { ...defaults.augment, ...augment as Partial<AugmentOptions> },
    },
    precision,
  };
}

/** The grid whose only combination is a cell. */
export function gridOfCell(cell: Cell): Grid {
  const { augment, ...settings } = cell.settings;
  const values: Record<string, unknown> = {
    ...cell.options,
    ...settings,
    ...augment,
  };
  const grid: Record<string, AxisValue[]> = {};
  for (const { name, part, key } of axes.values()) {
    if (part === "precision" && cell.precision === "f32") continue;
    const value = part === "option" || part === "setting" || part === "augment"
      ? values[key]
      : cell[part];
    if (typeof value === "string" || typeof value === "number") {
      grid[name] = [value];
    }
  }
  return grid;
}
