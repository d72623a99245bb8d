/**
 * The runs of a study by setting and data set.
 *
 * @module
 */

import { hinted } from "../../errors.ts";
import { nearest } from "../../nearest.ts";
import {
  bySetting,
  compareSettings,
  datasetsOf,
  valuesOf,
  varying,
} from "../aggregate.ts";
import { type Difference, meanDifference, pairedDifference } from "./paired.ts";
import type { StudyRun } from "./reported_study.ts";

/** A setting on a data set. */
export interface StudyCell {
  readonly runs: readonly StudyRun[];
  /** Test top-1 over the seeds that are done, in [0, 1]; NaN if none is. */
  readonly mean: number;
  /** Of a sample; absent below two seeds. */
  readonly std?: number;
  /** Seeds that are done. */
  readonly count: number;
  /** To the baseline; absent for itself and where nothing pairs up. */
  readonly difference?: Difference;
}

/** Everything but the data set and the seed. */
export interface StudySetting {
  /** Counted from 0, in the order of the tables. */
  readonly index: number;
  /** `alore experts 4 rank 2`, as far as settings differ. */
  readonly name: string;
  readonly method: string;
  /** The axes that vary, by name. */
  readonly values: ReadonlyMap<string, string | number>;
  /** Trained numbers without the head; of the largest where sizes differ. */
  readonly parameters: number;
  /** By the hash of a data set. */
  readonly cells: ReadonlyMap<string, StudyCell>;
  /** Over the data sets, each counting alike; NaN unless all are done. */
  readonly mean: StudyCell;
}

/** A study, ordered. */
export interface StudyTable {
  /** Axes that vary, `method` first. */
  readonly axes: readonly string[];
  /** Names by hash, in the order of the names. */
  readonly datasets: ReadonlyMap<string, string>;
  readonly settings: readonly StudySetting[];
  /** What differences are to; absent with a single setting. */
  readonly baseline?: StudySetting;
}

/**
 * Orders runs.
 *
 * @param baseline See {@linkcode StudyReport.baseline}.
 * @throws {RangeError} If no setting has the baseline's name.
 */
export function tableOf(
  runs: readonly StudyRun[],
  baseline?: string,
): StudyTable {
  const axes = ["method", ...varying(runs.map(({ origin }) => origin))];
  const datasets = datasetsOf(runs.map(({ origin }) => origin));
  const groups = bySetting(runs, ({ origin }) => origin);
  const settings = groups.map((own) => settingOf(own, axes, datasets))
    .sort((a, b) => compareSettings(a, b, axes))
    .map((setting, index) => ({ ...setting, index }));
  const base = baselineOf(settings, baseline);
  return {
    axes,
    datasets,
    settings: base
      ? settings.map((setting) => compared(setting, base))
      : settings,
    baseline: base,
  };
}

function settingOf(
  runs: readonly StudyRun[],
  axes: readonly string[],
  datasets: ReadonlyMap<string, string>,
): StudySetting {
  const all = valuesOf(runs[0].origin);
  const values = new Map(axes.flatMap((name) => {
    const value = all.get(name);
    return value === undefined ? [] : [[name, value] as const];
  }));
  const { method } = runs[0].origin;
  const words = [...values].filter(([name]) => name !== "method")
    .map(([name, value]) => `${name} ${value}`);
  const cells = new Map([...datasets.keys()].map((data) => {
    const own = runs.filter(({ origin }) => origin.data.hash === data);
    return [data, cellOf(own, own.flatMap(topOne))];
  }));
  // Seeds that are done on every data set.
  const means = [...Map.groupBy(runs, seedOf).values()]
    .map((own) => own.flatMap(topOne))
    .filter((shares) => shares.length === datasets.size)
    .map((shares) => shares.reduce((a, b) => a + b, 0) / shares.length);
  return {
    index: 0,
    name: [method, ...words].join(" "),
    method,
    values,
    parameters: Math.max(...runs.map(({ parameters }) => parameters)),
    cells,
    mean: cellOf(runs, means),
  };
}

function cellOf(
  runs: readonly StudyRun[],
  shares: readonly number[],
): StudyCell {
  const count = shares.length;
  const mean = shares.reduce((a, b) => a + b, 0) / count;
  const squares = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0);
  const std = count > 1 ? Math.sqrt(squares / (count - 1)) : undefined;
  return { runs, mean, std, count };
}

function topOne({ result }: StudyRun): number[] {
  return result ? [result.test.top1] : [];
}

/** The seed of a run. */
export function seedOf({ origin }: StudyRun): number {
  return origin.settings.seed;
}

function compared(setting: StudySetting, base: StudySetting): StudySetting {
  if (setting.index === base.index) return setting;
  const cells = new Map([...setting.cells].map(([data, cell]) => {
    const difference = differenceOf(setting, base, data);
    return [data, { ...cell, difference }];
  }));
  return {
    ...setting,
    cells,
    mean: { ...setting.mean, difference: differenceOf(setting, base) },
  };
}

/**
 * How two settings differ.
 *
 * @param data The hash of a data set; left out, the mean over all of them, if
 * both have been tested on each.
 */
export function differenceOf(
  setting: StudySetting,
  base: StudySetting,
  data?: string,
): Difference | undefined {
  if (data !== undefined) {
    return pairedDifference(rightOf(setting, data), rightOf(base, data));
  }
  const parts = [...setting.cells.keys()]
    .map((data) => differenceOf(setting, base, data));
  return parts.includes(undefined)
    ? undefined
    : meanDifference(parts.filter((part) => part !== undefined));
}

function rightOf(
  { cells }: StudySetting,
  data: string,
): Map<number, Uint8Array> {
  const runs = cells.get(data)?.runs ?? [];
  return new Map(
    runs.flatMap((run) =>
      run.result && run.right ? [[seedOf(run), run.right] as const] : []
    ),
  );
}

/** A setting by its name, or a method's first; by default linear, or any. */
function baselineOf(
  settings: readonly StudySetting[],
  name?: string,
): StudySetting | undefined {
  const find = (name: string) =>
    settings.find((setting) => setting.name === name) ??
      settings.find(({ method }) => method === name);
  if (name === undefined) {
    return settings.length > 1 ? find("linear") ?? settings[0] : undefined;
  }
  const found = find(name.trim().replaceAll(/[\s=]+/g, " "));
  if (found) return found;
  const names = settings.map((setting) => setting.name);
  throw hinted(
    new RangeError(
      `Cannot compare with ${name}: got a baseline that the study does not ` +
        `have, wanted one of ${names.slice(0, 8).join(", ")}` +
        (names.length > 8 ? `, … (${names.length})` : ""),
    ),
    `did you mean "${nearest(name, names)}"?`,
  );
}

/** The setting with the highest mean, or the highest on the only data set. */
export function bestOf(
  settings: readonly StudySetting[],
): StudySetting | undefined {
  const done = settings.filter(({ mean }) => Number.isFinite(mean.mean));
  return done.toSorted((a, b) => b.mean.mean - a.mean.mean)[0];
}
