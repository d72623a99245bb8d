/**
 * What a `train` command asks for, before anything is written.
 *
 * @module
 */

import { type Dataset, readDataset } from "../core/data/dataset.ts";
import { hinted } from "../core/errors.ts";
import { findMethod, resolveOptions } from "../core/methods/mod.ts";
import type { Backbone } from "../core/models/backbone.ts";
import { modelShape } from "../core/models/architectures.ts";
import { checkData } from "../core/train/check_data.ts";
import type { RunConfig } from "../core/train/run_config.ts";
import { OTHER_RUN, RunDirectory } from "../core/train/run_directory.ts";
import { checkSettings, settingsFor } from "../core/train/settings.ts";
import { VERSION } from "../core/version.ts";
import { refuseExisting } from "../core/weights/write_file.ts";
import type { Precision } from "../kernels/engine.ts";
import { precisionOf } from "./device.ts";
import { kebab } from "./flags.ts";
import { openForImages } from "./image_flags.ts";
import type { Input } from "./input.ts";
import { givenOptions } from "./method_options.ts";
import { settingsFrom } from "./train_flags.ts";
import { UsageError } from "./usage_error.ts";

/** A run that can start. */
export interface RunPlan {
  readonly path: string;
  readonly config: RunConfig;
  readonly backbone: Backbone;
  readonly dataset: Dataset;
  /** The run to go on with; a new one is made where there is none. */
  readonly existing?: RunDirectory;
}

/**
 * Reads everything a run needs and checks that it fits.
 *
 * @param engine One line about what computes.
 * @param precision What the engine stores.
 * @throws {UsageError} If a flag is missing.
 * @throws {RangeError} If the path exists, or a run to go on with differs from
 * what was typed.
 */
export async function planRun(
  input: Input,
  engine: string,
  precision: Precision,
): Promise<RunPlan> {
  const path = pathOf(input);
  const existing = await runToResume(input, path);
  const before = existing?.config;
  const data = input.textOr("data") ?? before?.data.source;
  if (data === undefined) throw missing("data");
  if (!existing) await refuseExisting(path, OTHER_RUN);
  const method = findMethod(
    before && !input.given("method") ? before.method : input.text("method"),
  );
  const settings = settingsFrom(input, before?.settings ?? settingsFor(method));
  checkSettings(settings);
  const source = before && !input.given("backbone")
    ? before.backbone.source
    : input.text("backbone");
  const { seed } = settings;
  const backbone = await openForImages(input, { source, seed, before });
  const given = givenOptions(input, method);
  const options = resolveOptions(
    method,
    before?.method === method.name ? { ...before.options, ...given } : given,
    modelShape(backbone.config),
  );
  const dataset = await readDataset(data);
  const { classes, description, hash } = dataset;
  checkData(dataset, backbone, { source: data, bends: true });
  const config: RunConfig = {
    format: "alore-run",
    version: 1,
    alore: VERSION,
    method: method.name,
    options,
    settings,
    model: { ...backbone.config, classes: classes.length },
    preprocess: backbone.preprocess,
    backbone: { source, hash: backbone.hash },
    data: {
      source: data,
      hash,
      name: description.name,
      resize: description.resize,
    },
    classes,
    engine,
    ...precision === "f16" && { precision },
  };
  if (before) checkSame(path, before, config);
  return { path, config, backbone, dataset, existing };
}

/**
 * The precision of a run: that of the one to go on with, unless told otherwise.
 *
 * @throws {UsageError} If the folder is missing.
 */
export async function runPrecision(input: Input): Promise<Precision> {
  if (input.given("precision")) return precisionOf(input);
  const before = await runToResume(input, pathOf(input));
  return before?.config.precision ?? "f32";
}

function pathOf(input: Input): string {
  const path = input.textOr("resume") || input.textOr("out");
  if (path) return path.replace(/(.)\/+$/, "$1");
  throw missing("out");
}

function missing(flag: string): UsageError {
  return hinted(
    new UsageError(`Missing flag: --${flag}`),
    "see: alore train --help",
  );
}

/** `--resume` alone also starts a run that is not there yet. */
async function runToResume(
  input: Input,
  path: string,
): Promise<RunDirectory | undefined> {
  if (!input.given("resume")) return undefined;
  if (input.textOr("resume") === "") {
    try {
      await Deno.lstat(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }
  const run = await RunDirectory.open(path);
  if (!run.config.imported) return run;
  throw hinted(
    new RangeError(
      `Cannot continue ${path}: got an imported adapter without the ` +
        "optimizer's numbers, wanted a run that train started",
    ),
    "start a new run with another --out",
  );
}

/** Refuses to continue a run as another one. */
function checkSame(path: string, before: RunConfig, now: RunConfig): void {
  const pairs: [string, unknown, unknown][] = [
    ["data", before.data.hash, now.data.hash],
    ["backbone", before.backbone.hash, now.backbone.hash],
    ["image-size", before.model.imageSize, now.model.imageSize],
    ["method", before.method, now.method],
    ["precision", before.precision ?? "f32", now.precision ?? "f32"],
    ...fieldsOf(before.options, now.options),
    ...fieldsOf(before.settings, now.settings),
    ...fieldsOf(before.settings.augment, now.settings.augment),
  ];
  for (const [name, was, is] of pairs) {
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    if (name === "augment") continue; // Told field by field.
    throw hinted(
      new RangeError(
        `Cannot continue ${path}: got ${kebab(name)} ${is}, wanted ${was} ` +
          "as it was started with",
      ),
      "leave the flag out, or start a new run with another --out",
    );
  }
}

function fieldsOf(
  before: object,
  now: object,
): [string, unknown, unknown][] {
  const were = new Map<string, unknown>(Object.entries(before));
  return Object.entries(now).map(([name, is]) => [name, were.get(name), is]);
}
