/**
 * Opens what was trained: a run's folder or a merged model's file.
 *
 * @module
 */

import type { Engine } from "../kernels/engine.ts";
import type { Fitting } from "../core/data/description.ts";
import { hinted } from "../core/errors.ts";
import { isHead } from "../core/methods/method.ts";
import { findMethod } from "../core/methods/mod.ts";
import type { AdaptedModel } from "../core/models/adapted_model.ts";
import {
  type Backbone,
  type Preprocess,
  readBackbone,
} from "../core/models/backbone.ts";
import { type ModelConfig, modelShape } from "../core/models/architectures.ts";
import { buildModel } from "../core/models/build_model.ts";
import {
  shareBackbone,
  type SharedBackbone,
} from "../core/models/shared_backbone.ts";
import { type AdapterKind, RunDirectory } from "../core/train/run_directory.ts";
import { isScratch, openBackbone } from "./backbone.ts";
import type { Flag } from "./flag.ts";
import type { Input } from "./input.ts";

/** A model that can be evaluated. */
export interface OpenModel {
  readonly model: AdaptedModel;
  readonly preprocess: Preprocess;
  readonly classes: readonly string[];
  /** How the images that it learned from became square, where that is known. */
  readonly resize?: Fitting;
}

/** A model with the run that it came from. */
export interface OpenRun extends OpenModel {
  readonly run: RunDirectory;
}

/** Flags of the commands that open a run. */
export const runFlags: readonly Flag[] = [
  {
    name: "run",
    kind: "text",
    placeholder: "RUN",
    required: true,
    help: "folder that train --out made",
  },
  {
    name: "best",
    kind: "boolean",
    help: "the best epoch by validation instead of the last",
  },
  {
    name: "backbone",
    kind: "text",
    placeholder: "FILE|NAME",
    defaultText: "as the run was trained with",
    help: "where the same backbone is now",
  },
];

/** Backbones that several runs have in common, each loaded once. */
export class SharedBackbones {
  readonly #engine: Engine;
  readonly #found = new Map<string, SharedBackbone>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Loads a backbone, or gives the one that was loaded before. */
  async open(
    source: string,
    seed: number,
    imageSize: number,
  ): Promise<SharedBackbone> {
    // Random weights are others for another seed.
    const key = `${source} ${imageSize} ${isScratch(source) ? seed : ""}`;
    const before = this.#found.get(key);
    if (before) return before;
    const backbone = await openBackbone(source, seed, imageSize);
    const shared = shareBackbone(this.#engine, backbone);
    this.#found.set(key, shared);
    return shared;
  }

  /** Frees them, after the models over them. */
  [Symbol.dispose](): void {
    for (const shared of this.#found.values()) shared.close();
  }
}

/**
 * Opens a run's model.
 *
 * @param backbones Where the backbone is shared with other runs.
 * @throws {RangeError} If the run is not complete enough, or the backbone is not
 * the one that it was trained with.
 */
export async function openRun(
  engine: Engine,
  path: string,
  input: Input,
  backbones?: SharedBackbones,
): Promise<OpenRun> {
  const run = await RunDirectory.open(path);
  const { method: name, options, classes, preprocess } = run.config;
  const kind: AdapterKind = input.on("best") ? "best" : "last";
  const trained = await run.readAdapter(kind);
  const method = findMethod(name);
  const source = input.textOr("backbone") ?? run.config.backbone.source;
  const { seed } = run.config.settings;
  const { imageSize } = run.config.model;
  const shared = await backbones?.open(source, seed, imageSize);
  const backbone = shared?.backbone ??
    await openBackbone(source, seed, imageSize);
  if (backbone.hash !== run.config.backbone.hash) {
    throw hinted(
      new RangeError(
        `Cannot open the run ${path}: got another backbone at ${source}, ` +
          "wanted the one that it was trained with",
      ),
      "say where that one is with --backbone",
    );
  }
  checkSizes(path, run.config.model, backbone.config);
  const model = buildModel({
    engine,
    backbone,
    shared,
    method,
    options,
    classes: classes.length,
    seed,
    trained,
  });
  return { run, model, preprocess, classes, resize: run.config.data.resize };
}

/** What stands beside the weights may change, and their hash stay. */
function checkSizes(path: string, before: ModelConfig, now: ModelConfig): void {
  const were = new Map(Object.entries(before));
  for (const [name, is] of Object.entries(now)) {
    const same = JSON.stringify(were.get(name)) === JSON.stringify(is);
    if (name === "classes" || same) continue;
    throw hinted(
      new RangeError(
        `Cannot open the run ${path}: got a backbone with ${name} ${is}, ` +
          `wanted ${were.get(name)} as it was trained with`,
      ),
      "config.json beside the weights must say what it said then",
    );
  }
}

/**
 * Opens a run's folder, or a file that `merge` wrote.
 *
 * @throws {RangeError} If there is neither.
 */
export async function openModel(
  engine: Engine,
  path: string,
  input: Input,
  backbones?: SharedBackbones,
): Promise<OpenModel> {
  const found = await Deno.stat(path).catch(() => undefined);
  if (found?.isFile) return await openMerged(engine, path);
  if (found) await refuseExport(path);
  return await openRun(engine, path, input, backbones);
}

/** @throws {RangeError} If a folder is a model in another program's layout. */
async function refuseExport(path: string): Promise<void> {
  const found = await Promise.all(
    ["model.safetensors", "model.onnx"]
      .map((name) => Deno.stat(`${path}/${name}`).catch(() => undefined)),
  );
  if (!found.some((file) => file)) return;
  throw hinted(
    new RangeError(
      `Cannot use ${path}: got a folder for other programs, wanted a run's ` +
        "folder or a file that merge wrote",
    ),
    "merge --out FILE.safetensors, without --format, writes one",
  );
}

async function openMerged(engine: Engine, path: string): Promise<OpenModel> {
  const backbone = await readBackbone(path);
  const { config, preprocess, metadata } = backbone;
  const classes = classesOf(metadata.classes, path);
  const { head } = modelShape(config);
  const heads = backbone.tensors.has(`${head}.weight`) ? config.classes : 0;
  if (classes.length !== heads) {
    throw new RangeError(
      `Cannot use ${path}: got a head for ${heads} classes and ` +
        `${classes.length} names, wanted as many of both`,
    );
  }
  const resize = metadata.resize ? JSON.parse(metadata.resize) : undefined;
  return { model: plainModel(engine, backbone), preprocess, classes, resize };
}

/** A model without a method, with the head that is in its weights. */
export function plainModel(engine: Engine, backbone: Backbone): AdaptedModel {
  const shape = modelShape(backbone.config);
  return buildModel({
    engine,
    backbone,
    method: findMethod("linear"),
    options: {},
    classes: backbone.config.classes,
    seed: 0,
    trained: new Map(
      [...backbone.tensors].filter(([name]) => isHead(shape, name)),
    ),
  });
}

function classesOf(text: string | undefined, path: string): string[] {
  let names: unknown;
  try {
    names = JSON.parse(text ?? "null");
  } catch {
    names = undefined;
  }
  const good = Array.isArray(names) &&
    names.every((name) => typeof name === "string");
  if (good) return names as string[];
  throw hinted(
    new RangeError(
      `Cannot use ${path}: got no class names in its metadata, wanted a model ` +
        "that merge wrote",
    ),
    "give a run's folder, or merge it first",
  );
}
