/**
 * Trained adapters on a backbone that is already on the engine.
 *
 * @module
 */

import type { Split } from "../data/dataset.ts";
import { hinted } from "../errors.ts";
import { findMethod, resolveOptions } from "../methods/mod.ts";
import type { MethodOptions } from "../methods/method.ts";
import type { AdaptedModel, NamedTensors } from "../models/adapted_model.ts";
import { modelShape } from "../models/architectures.ts";
import type { Preprocess } from "../models/backbone.ts";
import { buildModel } from "../models/build_model.ts";
import type { SharedBackbone } from "../models/shared_backbone.ts";
import {
  readSafetensors,
  type SafetensorsFile,
  toFloat32,
} from "../weights/safetensors.ts";
import { ADAPTER_FORMAT } from "./adapter_file.ts";
import { Evaluator } from "./evaluate.ts";
import type { Evaluation } from "./records.ts";

/** A trained adapter as a model, to be closed before the shared backbone. */
export class OpenedAdapter {
  /** Owns what the adapter trained, reads the rest from the shared backbone. */
  readonly model: AdaptedModel;
  /** Of its head, in order. */
  readonly classes: readonly string[];
  /** What its images must go through. */
  readonly preprocess: Preprocess;

  /** Made by {@linkcode openAdapter}. */
  constructor(
    model: AdaptedModel,
    { classes, preprocess }: Pick<Header, "classes" | "preprocess">,
  ) {
    this.model = model;
    this.classes = classes;
    this.preprocess = preprocess;
  }

  /** Evaluates on images whose labels count its classes. */
  async evaluate(split: Split): Promise<Evaluation> {
    const { model, preprocess } = this;
    const evaluator = await Evaluator.open(model, { preprocess });
    try {
      return await evaluator.evaluate(split);
    } finally {
      evaluator.close();
    }
  }

  /** Frees the adapter's memory; the shared backbone stays. */
  close(): void {
    this.model.close();
  }

  /** Frees the adapter's memory at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** What the file says of itself. */
interface Header {
  readonly method: string;
  readonly options: MethodOptions;
  readonly backbone: { readonly source: string; readonly hash: string };
  readonly classes: readonly string[];
  readonly preprocess: Preprocess;
}

/**
 * Opens a trained adapter, such as a run's `adapter.safetensors`, over a shared
 * backbone. Any number may be open at once; each costs what it trained.
 *
 * ```ts ignore
 * using shared = shareBackbone(engine, backbone);
 * const files = ["runs/a/adapter.safetensors", "runs/b/adapter.safetensors"];
 * for (const file of files) {
 *   using adapter = await openAdapter(shared, file);
 *   console.log((await adapter.evaluate(data.splits.get("test")!)).top1);
 * }
 * ```
 *
 * @throws {TypeError} If the file is no adapter or lacks a tensor.
 * @throws {RangeError} If it was trained on another backbone.
 */
export async function openAdapter(
  shared: SharedBackbone,
  path: string,
): Promise<OpenedAdapter> {
  const file = await readSafetensors(path);
  const header = headerOf(file, path);
  const { method: name, options, classes, backbone } = header;
  if (backbone.hash !== shared.backbone.hash) {
    throw hinted(
      new RangeError(
        `Cannot open the adapter ${path}: got one for another backbone, ` +
          `wanted one for ${shared.backbone.name}`,
      ),
      `it was trained on ${backbone.source}`,
    );
  }
  const method = findMethod(name);
  const model = buildModel({
    engine: shared.engine,
    backbone: shared.backbone,
    shared,
    method,
    options: resolveOptions(
      method,
      options,
      modelShape(shared.backbone.config),
    ),
    classes: classes.length,
    seed: 0,
  });
  try {
    const trained: NamedTensors = new Map(
      [...file.tensors].map(([name, tensor]) => [
        name,
        Float32Array.from(toFloat32(tensor)),
      ]),
    );
    const wanted = [
      ...model.trainable.slots.keys(),
      ...model.fixed.slots.keys(),
    ];
    const missing = wanted.filter((name) => !trained.has(name));
    if (missing.length > 0) {
      throw new TypeError(
        `Cannot open the adapter ${path}: got no ${missing.join(", ")}`,
      );
    }
    for (const [name, values] of trained) model.write(name, values);
  } catch (error) {
    model.close();
    throw error;
  }
  return new OpenedAdapter(model, header);
}

function headerOf({ metadata }: SafetensorsFile, path: string): Header {
  if (metadata.format === ADAPTER_FORMAT) {
    return {
      method: metadata.method,
      options: JSON.parse(metadata.options),
      backbone: JSON.parse(metadata.backbone),
      classes: JSON.parse(metadata.classes),
      preprocess: JSON.parse(metadata.preprocess),
    };
  }
  throw new TypeError(
    `Cannot open the adapter ${path}: got a file without an adapter's ` +
      `metadata, wanted one that training wrote`,
  );
}
