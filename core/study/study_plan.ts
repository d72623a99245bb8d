/**
 * The runs of a study, resolved and checked before any of them starts.
 *
 * @module
 */

import { checkAugment } from "../data/augment.ts";
import type { Dataset, SplitName } from "../data/dataset.ts";
import { hinted } from "../errors.ts";
import { checkData } from "../train/check_data.ts";
import { countOf } from "../graph/graph.ts";
import { isHead, type Method, type MethodOptions } from "../methods/method.ts";
import { findMethod, resolveOptions } from "../methods/mod.ts";
import { modelShape } from "../models/architectures.ts";
import type { Backbone } from "../models/backbone.ts";
import type { Preprocess } from "../models/preprocess.ts";
import type { RunConfig } from "../train/run_config.ts";
import { checkSettings } from "../train/settings.ts";
import { VERSION } from "../version.ts";
import { type Cell, cellsOf, type Grid } from "./grid.ts";
import { identityOf } from "./identity.ts";
import type { Sources } from "./sources.ts";

/** A run that can start. */
export interface PlannedRun {
  /** Place in the plan, from 0. */
  readonly index: number;
  /** See {@linkcode identityOf}. */
  readonly hash: string;
  readonly cell: Cell;
  /** What its `config.json` will hold; the engine is filled in at the start. */
  readonly config: RunConfig;
  /** Trained numbers, the head left out. */
  readonly parameters: number;
  /** Images by split, 0 where there is none. */
  readonly images: Readonly<Record<SplitName, number>>;
}

/** Runs, each once. */
export interface StudyPlan {
  readonly runs: readonly PlannedRun[];
  /** Combinations that another one already stands for. */
  readonly duplicates: number;
}

/**
 * Plans the union of some grids. Nothing is written.
 *
 * @throws {RangeError} If a run could not start: a value is out of range, the
 * data do not fit the backbone or have no training or test images.
 */
export async function planStudy(
  grids: readonly Grid[],
  sources: Sources,
): Promise<StudyPlan> {
  const runs = new Map<string, PlannedRun>();
  const cells = grids.flatMap(cellsOf);
  for (const cell of cells) {
    const resolved = await resolveCell(cell, sources);
    if (runs.has(resolved.hash)) continue;
    runs.set(resolved.hash, { ...resolved, index: runs.size });
  }
  return { runs: [...runs.values()], duplicates: cells.length - runs.size };
}

async function resolveCell(
  cell: Cell,
  sources: Sources,
): Promise<Omit<PlannedRun, "index">> {
  const { settings } = cell;
  checkSettings(settings);
  checkAugment(settings.augment);
  const method = findMethod(cell.method);
  const backbone = await sources.backbone(cell.backbone, settings.seed);
  const dataset = await sources.dataset(cell.data);
  checkFit(cell, backbone, dataset);
  const options = resolveOptions(
    method,
    cell.options,
    modelShape(backbone.config),
  );
  const config = configOf(cell, options, backbone, dataset);
  const count = (name: SplitName) => dataset.splits.get(name)?.count ?? 0;
  return {
    hash: await identityOf(config),
    cell,
    config,
    parameters: parametersOf(method, options, config),
    images: {
      train: count("train"),
      validation: count("validation"),
      test: count("test"),
    },
  };
}

function checkFit({ data }: Cell, backbone: Backbone, dataset: Dataset): void {
  const preprocess = preprocessOf(backbone, dataset);
  checkData(dataset, { ...backbone, preprocess }, { source: data });
  const { splits } = dataset;
  for (const name of ["train", "test"] as const) {
    if (splits.get(name)?.count) continue;
    throw hinted(
      new RangeError(
        `Cannot study ${data}: got no ${name} images, wanted some`,
      ),
      `prepare the data again with a ${name} split`,
    );
  }
}

/** Protocols, such as VTAB's, take whole images whatever the backbone's crop. */
function preprocessOf(
  { preprocess }: Backbone,
  { description: { resize } }: Dataset,
): Preprocess {
  return preprocess.cropPct === undefined
    ? preprocess
    : { ...preprocess, cropPct: resize.cropPct ?? 1 };
}

function configOf(
  cell: Cell,
  options: MethodOptions,
  backbone: Backbone,
  dataset: Dataset,
): RunConfig {
  const { classes, hash, description } = dataset;
  return {
    format: "alore-run",
    version: 1,
    alore: VERSION,
    method: cell.method,
    options,
    settings: cell.settings,
    model: { ...backbone.config, classes: classes.length },
    preprocess: preprocessOf(backbone, dataset),
    backbone: { source: cell.backbone, hash: backbone.hash },
    data: {
      source: cell.data,
      hash,
      name: description.name,
      resize: description.resize,
    },
    classes,
    engine: "",
    ...cell.precision === "f16" && { precision: cell.precision },
  };
}

/** Trained numbers without the head. */
function parametersOf(
  method: Method,
  options: MethodOptions,
  { model }: RunConfig,
): number {
  const shape = modelShape(model);
  const opened = [...shape.tensors]
    .filter(([name]) => !isHead(shape, name) && method.trains(name))
    .map(([, size]) => countOf(size));
  const added = method.tensors(options, shape).filter(({ fixed }) => !fixed)
    .map(({ shape: size }) => countOf(size));
  return [...opened, ...added].reduce((sum, n) => sum + n, 0);
}
