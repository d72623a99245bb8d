/**
 * Results by setting and data set: mean and standard deviation over seeds.
 *
 * @module
 */

import { methods } from "../methods/mod.ts";
import { axes, axisName } from "./axes.ts";
import type { RunResult, TestResult } from "./run_result.ts";

/** Which epoch's test accuracy a table shows. */
export type Epoch = "last" | "best";

/** Mean and spread over seeds. */
export interface Summary {
  /** In [0, 1]. */
  readonly mean: number;
  /** Of a sample, n - 1; absent for a single seed. */
  readonly std?: number;
  /** Seeds. */
  readonly count: number;
  /** Whether no other setting has a higher mean here. */
  readonly top: boolean;
}

/** One setting: everything but the data set and the seed. */
export interface SettingRow {
  /** The axes that vary, by name; one that the method lacks is absent. */
  readonly values: ReadonlyMap<string, string | number>;
  /** Trained numbers without the head. */
  readonly parameters: number;
  /** Top-1 by the key of a data set. */
  readonly cells: ReadonlyMap<string, Summary>;
  /** Mean over the data sets; absent unless there are several and all done. */
  readonly mean?: Summary;
  /** Of training, mean over runs. */
  readonly seconds: number;
  readonly results: readonly RunResult[];
}

/** A table of settings by data sets. */
export interface StudyTable {
  readonly epoch: Epoch;
  /** Axes that vary, `method` first. */
  readonly axes: readonly string[];
  /** Data sets in the order of their names: key (the hash) and title. */
  readonly datasets: ReadonlyMap<string, string>;
  readonly rows: readonly SettingRow[];
  /** Fewest and most seeds of a cell. */
  readonly seeds: readonly [number, number];
}

/**
 * Makes a table.
 *
 * @param epoch With `best`, results without validation are left out.
 */
export function aggregate(
  results: readonly RunResult[],
  epoch: Epoch,
): StudyTable {
  const counted = results.filter((result) => testOf(result, epoch));
  const axes = ["method", ...varying(counted)];
  const datasets = datasetsOf(counted);
  const groups = bySetting(counted, (result) => result);
  const plain = groups.map((group) =>
    rowOf(group, axes, [...datasets.keys()], epoch)
  ).sort((a, b) => compareSettings(a, b, axes));
  const counts = plain.flatMap(({ cells }) =>
    [...cells.values()].map(({ count }) => count)
  );
  return {
    epoch,
    axes,
    datasets,
    rows: markTop(plain, [...datasets.keys()]),
    seeds: [Math.min(...counts, Infinity), Math.max(...counts, 0)],
  };
}

/** The test of an epoch; nothing where there was no validation. */
export function testOf(
  { test, best }: RunResult,
  epoch: Epoch,
): TestResult | undefined {
  return epoch === "last" ? test : best?.test;
}

/** What a run is made with. */
export type Configured =
  & Pick<
    RunResult,
    "method" | "options" | "settings" | "backbone" | "precision"
  >
  & { readonly data: Pick<RunResult["data"], "hash"> };

const LR = "lr";

/** Every value that a run is made with, by axis, data and seed left out. */
export function valuesOf(
  run: Configured,
): Map<string, string | number> {
  const { method, options, settings, backbone, precision = "f32" } = run;
  const { seed: _, augment, ...rest } = settings;
  const values = { ...options, ...rest, ...augment };
  return new Map<string, string | number>([
    ["method", method],
    ["backbone", backbone.source],
    ...Object.entries(values).flatMap(([name, value]) =>
      typeof value === "string" || typeof value === "number"
        ? [[axisName(name), value] as const]
        : []
    ),
    ["precision", precision],
  ]);
}

/**
 * Axes but the method with several values. Options and learning rates, whose
 * defaults are the method's, count where a single method has several; learning
 * rates, which are chosen for a data set, where it has several on one.
 */
export function varying(
  runs: readonly Configured[],
): string[] {
  const order = [...axes.keys()];
  const found = new Map<string, Map<string, Set<string | number>>>();
  for (const run of runs) {
    const own = new Set(Object.keys(run.options).map(axisName));
    for (const [name, value] of valuesOf(run)) {
      const sets = found.get(name) ?? new Map<string, Set<string | number>>();
      const key = name === LR
        ? `${run.method} ${run.data.hash}`
        : own.has(name)
        ? run.method
        : "";
      sets.set(key, (sets.get(key) ?? new Set()).add(value));
      found.set(name, sets);
    }
  }
  return [...found].filter(([name, sets]) =>
    name !== "method" && [...sets.values()].some(({ size }) => size > 1)
  ).map(([name]) => name).sort((a, b) => order.indexOf(a) - order.indexOf(b));
}

/**
 * Groups of runs that differ in data and seed only, and in learning rates that
 * were chosen for the data.
 */
export function bySetting<T>(
  runs: readonly T[],
  configOf: (run: T) => Configured,
): T[][] {
  const own = varying(runs.map(configOf)).includes(LR);
  const groups = Map.groupBy(runs, (run) => {
    const config = configOf(run);
    const values = [...valuesOf(config)]
      .filter(([name]) => name !== "backbone" && (own || name !== LR));
    return JSON.stringify([config.backbone.hash, values]);
  });
  return [...groups.values()];
}

/** Titles by hash; two data sets of one name get theirs with the hash. */
export function datasetsOf(
  runs: readonly { readonly data: Pick<RunResult["data"], "hash" | "name"> }[],
): Map<string, string> {
  const names = new Map(runs.map(({ data }) => [data.hash, data.name]));
  const twice = (name: string) =>
    [...names.values()].filter((other) => other === name).length > 1;
  return new Map(
    [...names].map(([hash, name]) =>
      [hash, twice(name) ? `${name} ${hash.slice(0, 6)}` : name] as const
    ).sort(([, a], [, b]) => a < b ? -1 : 1),
  );
}

function rowOf(
  results: readonly RunResult[],
  axes: readonly string[],
  datasets: readonly string[],
  epoch: Epoch,
): SettingRow {
  const cells = new Map<string, Summary>();
  const shareOf = (result: RunResult) => testOf(result, epoch)?.top1 ?? NaN;
  for (const data of datasets) {
    const own = results.filter((result) => result.data.hash === data);
    if (own.length > 0) cells.set(data, summary(own.map(shareOf)));
  }
  const bySeed = [...Map.groupBy(results, ({ seed }) => seed).values()]
    .filter((own) => own.length === datasets.length)
    .map((own) => own.reduce((sum, r) => sum + shareOf(r), 0) / own.length);
  const values = valuesOf(results[0]);
  return {
    values: new Map(axes.flatMap((name) => {
      const value = values.get(name);
      return value === undefined ? [] : [[name, value] as const];
    })),
    parameters: results[0].parameters,
    cells,
    mean: datasets.length > 1 && bySeed.length > 0
      ? summary(bySeed)
      : undefined,
    seconds: results.reduce((sum, r) => sum + r.seconds, 0) / results.length,
    results,
  };
}

function summary(values: readonly number[]): Summary {
  const count = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / count;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  const std = count > 1 ? Math.sqrt(squares / (count - 1)) : undefined;
  return { mean, std, count, top: false };
}

/** Rounding must not decide between equal means. */
const EQUAL = 1e-12;

function markTop(
  rows: readonly SettingRow[],
  datasets: readonly string[],
): SettingRow[] {
  const highest = (means: (number | undefined)[]) =>
    Math.max(...means.map((mean) => mean ?? -Infinity)) - EQUAL;
  const mark = (cell: Summary, least: number) => ({
    ...cell,
    top: rows.length > 1 && cell.mean >= least,
  });
  const least = new Map(datasets.map((data) => [
    data,
    highest(rows.map(({ cells }) => cells.get(data)?.mean)),
  ]));
  const leastMean = highest(rows.map(({ mean }) => mean?.mean));
  return rows.map((row) => ({
    ...row,
    cells: new Map(
      [...row.cells].map(([data, cell]) => [
        data,
        mark(cell, least.get(data) ?? Infinity),
      ]),
    ),
    mean: row.mean && mark(row.mean, leastMean),
  }));
}

/** Methods as the registry has them, numbers by size, words by the alphabet. */
export function compareSettings(
  a: Pick<SettingRow, "values">,
  b: Pick<SettingRow, "values">,
  axes: readonly string[],
): number {
  const order = [...methods.keys()];
  for (const name of axes) {
    const [x, y] = [a, b].map(({ values }) => values.get(name));
    if (x === y) continue;
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    if (name === "method") {
      return order.indexOf(String(x)) - order.indexOf(String(y));
    }
    if (typeof x === "number" && typeof y === "number") return x - y;
    return String(x) < String(y) ? -1 : 1;
  }
  return 0;
}
