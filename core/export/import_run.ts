/**
 * Makes a run of an adapter that was trained elsewhere.
 *
 * @module
 */

import { hinted } from "../errors.ts";
import { sameShape, type Shape } from "../graph/graph.ts";
import { isHead, type MethodOptions } from "../methods/method.ts";
import { findMethod, resolveOptions } from "../methods/mod.ts";
import { modelShape } from "../models/architectures.ts";
import type { Backbone } from "../models/backbone.ts";
import { parseRunConfig, type RunConfig } from "../train/run_config.ts";
import { RunDirectory } from "../train/run_directory.ts";
import { settingsFor } from "../train/settings.ts";
import { VERSION } from "../version.ts";
import type { ForeignAdapter } from "./foreign_adapter.ts";

/** What {@linkcode importRun} makes a run of. */
export interface ImportRequest {
  readonly adapter: ForeignAdapter;
  /** The weights that it was trained on. */
  readonly backbone: Backbone;
  /** Where they are, to be opened again. */
  readonly source: string;
  /** In the order of the head's rows; left out, those that the adapter names. */
  readonly classes?: readonly string[];
  /** Of a backbone of random weights. */
  readonly seed: number;
  /** The run's folder, which must not exist. */
  readonly path: string;
}

/**
 * Makes a run directory that can be evaluated, folded and predicted with.
 *
 * @throws {TypeError} If tensors are missing, extra or misshaped for the
 * backbone; all are listed.
 * @throws {RangeError} If the adapter names another backbone, classes are not
 * known or not as many as the head has, or the path exists.
 */
export async function importRun(request: ImportRequest): Promise<RunDirectory> {
  const { adapter, path } = request;
  const config = configOf(request);
  const shapes = wantedShapes(config);
  checkTensors(adapter, shapes);
  const run = await RunDirectory.create(path, config);
  try {
    const values = [...adapter.tensors]
      .map(([name, tensor]) => [name, tensor.values()] as const);
    const slots = [...shapes]
      .map(([name, shape]) => [name, { shape }] as const);
    await run.saveAdapter("last", new Map(values), new Map(slots), 0);
  } catch (error) {
    await Deno.remove(path, { recursive: true });
    throw error;
  }
  return run;
}

function configOf(request: ImportRequest): RunConfig {
  const { adapter, backbone, source, seed } = request;
  checkBackbone(adapter, backbone);
  const method = findMethod(adapter.method);
  const shape = modelShape(backbone.config);
  const options = resolveOptions(method, adapter.options, shape);
  const classes = classesOf(request);
  const preprocess = adapter.preprocess ?? backbone.preprocess;
  const resize = adapter.resize ?? {
    filter: preprocess.interpolation ?? "bicubic",
    fit: "stretch",
  };
  const config: RunConfig = {
    format: "alore-run",
    version: 1,
    alore: VERSION,
    method: method.name,
    options,
    settings: { ...settingsFor(method), epochs: 0, warmupEpochs: 0, seed },
    model: { ...backbone.config, classes: classes.length },
    preprocess,
    backbone: { source, hash: backbone.hash },
    data: {
      source: "",
      hash: "",
      name: "unknown",
      resize: { ...resize, size: backbone.config.imageSize },
    },
    classes,
    engine: "unknown",
    imported: { source: adapter.path, format: adapter.format },
  };
  // What came from files has the types that it should have.
  return parseRunConfig(JSON.stringify(config), adapter.path);
}

function checkBackbone(
  { path, backbone }: ForeignAdapter,
  { name, hash }: Backbone,
): void {
  if (!backbone || backbone.hash === hash) return;
  throw hinted(
    new RangeError(
      `Cannot import ${path}: got an adapter for another backbone, wanted one ` +
        `for ${name}`,
    ),
    `it was trained on ${backbone.source}, SHA-256 ${backbone.hash}`,
  );
}

function classesOf(
  { adapter, backbone, classes = adapter.classes }: ImportRequest,
): readonly string[] {
  const { head } = modelShape(backbone.config);
  const rows = adapter.tensors.get(`${head}.weight`)?.shape[0] ?? 0;
  if (classes?.length === rows) return classes;
  throw hinted(
    new RangeError(
      `Cannot import ${adapter.path}: got ${classes?.length ?? "no"} class ` +
        `names, wanted ${rows} for its classifier`,
    ),
    "name them in order: --classes cat,dog,…",
  );
}

/** Shapes of everything that the run's method trains or stores. */
function wantedShapes(config: RunConfig): Map<string, Shape> {
  const method = findMethod(config.method);
  const shape = modelShape(config.model);
  const options: MethodOptions = config.options;
  const trained = [...shape.tensors].filter(([name]) =>
    isHead(shape, name) || method.trains(name)
  );
  const added = method.tensors(options, shape)
    .map(({ name, shape }) => [name, shape] as const);
  return new Map([...trained, ...added]);
}

function checkTensors(
  { path, tensors }: ForeignAdapter,
  wanted: ReadonlyMap<string, Shape>,
): void {
  const show = (shape: Shape): string => `[${shape.join(", ")}]`;
  const missing = [...wanted.keys()].filter((name) => !tensors.has(name))
    .map((name) => `missing ${name}`);
  const wrong = [...tensors].flatMap(([name, { shape, there }]) => {
    const right = wanted.get(name);
    if (!right) return [`extra ${there}`];
    return sameShape(shape, right)
      ? []
      : [`${name} ${show(shape)} instead of ${show(right)}`];
  });
  const faults = [...missing, ...wrong];
  if (faults.length === 0) return;
  const shown = faults.slice(0, 8).join("; ");
  throw new TypeError(
    `Cannot import ${path}: got ${faults.length} wrong tensors (${shown}` +
      `${faults.length > 8 ? "; …" : ""}), wanted those of the method on the ` +
      "backbone",
  );
}
