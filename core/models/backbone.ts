/**
 * Pretrained backbones as files, with timm's tensor names.
 *
 * @module
 */

import { fromFloat32, writeSafetensors } from "../weights/safetensors.ts";
import type { ByteSource } from "../weights/byte_source.ts";
import { sha256Of } from "../weights/sha256.ts";
import type { NamedTensors } from "./adapted_model.ts";
import {
  checkConfig,
  type ModelConfig,
  modelTensors,
} from "./architectures.ts";
import { atImageSize } from "./checkpoints/at_image_size.ts";
import type { Checkpoint } from "./checkpoints/checkpoint.ts";
import { matchTensors } from "./checkpoints/check_tensors.ts";
import { ConvertedTensors } from "./checkpoints/converted_tensors.ts";
import { familyOf } from "./checkpoints/families.ts";
import { openCheckpoint } from "./checkpoints/open_checkpoint.ts";
import { initialise } from "./init.ts";
import { HALF, type Preprocess } from "./preprocess.ts";

export { HALF, type Preprocess } from "./preprocess.ts";

/** A model's weights and what they expect. */
export interface Backbone {
  /** File name or architecture, for people. */
  readonly name: string;
  /** `classes` is the head's in the file, 1 if it has none. */
  readonly config: ModelConfig;
  /** What its images must go through. */
  readonly preprocess: Preprocess;
  /**
   * Weights by timm's names. Those of a file are read when they are asked for,
   * and not kept.
   */
  readonly tensors: NamedTensors;
  /** SHA-256 of the file or its shards; what it was made from if it was. */
  readonly hash: string;
  /** Which program's names the file has, such as `timm ViT`. */
  readonly family: string;
  /** What was left out of the file or changed, a line each. */
  readonly notes: readonly string[];
  /** The other strings in the file's header, such as `classes`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** How {@linkcode readBackbone} reads. */
export interface ReadBackboneOptions {
  /**
   * Height and width of the images, in pixels; left out, the checkpoint's own.
   * Position embeddings are resized for another.
   */
  readonly imageSize?: number;
}

/**
 * Reads a backbone: a safetensors file, the index of a sharded one, or a folder
 * with either, or an npz file, in f32, f16 or bf16, under the names of any known family. Sizes
 * come from the tensors and the configuration beside them.
 *
 * @throws {TypeError} If tensors are missing, extra or misshaped; all are
 * listed. If no family knows their names.
 * @throws {RangeError} If the file is damaged, or of a kind that cannot be used.
 */
export async function readBackbone(
  path: string,
  options: ReadBackboneOptions = {},
): Promise<Backbone> {
  const { sources, ...backbone } = await inspectBackbone(path, options);
  return { ...backbone, hash: sha256Of(sources) };
}

/** A backbone whose tensors nobody has read yet. */
export type UnreadBackbone = Omit<Backbone, "hash"> & {
  /** The files that its tensors are in. */
  readonly sources: readonly ByteSource[];
};

/**
 * Reads what a backbone is without reading its numbers; throws as
 * {@linkcode readBackbone} does.
 */
export async function inspectBackbone(
  path: string,
  options: ReadBackboneOptions = {},
): Promise<UnreadBackbone> {
  return inspectCheckpoint(await openCheckpoint(path), options);
}

/** The same of a checkpoint that is open already. */
export function inspectCheckpoint(
  checkpoint: Checkpoint,
  { imageSize }: ReadBackboneOptions = {},
): UnreadBackbone {
  const family = familyOf(checkpoint);
  const found = family.describe(checkpoint);
  const description = atImageSize(found, imageSize ?? found.config.imageSize);
  const { config, preprocess } = description;
  const { recipes, notes } = matchTensors(checkpoint, description);
  checkConfig(config);
  return {
    name: checkpoint.name,
    config,
    preprocess,
    tensors: new ConvertedTensors(checkpoint.file, recipes),
    metadata: checkpoint.file.metadata,
    family: family.name,
    notes,
    sources: checkpoint.sources,
  };
}

/**
 * Starts a backbone from random weights, as timm does.
 *
 * @param name For people.
 * @throws {RangeError} If the sizes do not fit each other.
 */
export function scratchBackbone(
  name: string,
  config: ModelConfig,
  seed: number,
): Backbone {
  checkConfig(config);
  const tensors = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [tensor, { shape, init }] of modelTensors(config)) {
    const count = shape.reduce((product, size) => product * size, 1);
    tensors.set(tensor, initialise(init, count, seed, tensor));
  }
  const hash = `scratch ${name} seed ${seed}`;
  return {
    name,
    config,
    preprocess: HALF,
    tensors,
    hash,
    metadata: {},
    family: "random",
    notes: [],
  };
}

/** How {@linkcode writeBackbone} stores a backbone. */
export interface WriteBackboneOptions {
  /** Element type, default `F32`. */
  dtype?: "F32" | "F16";
  /** Replace an existing file; default false. */
  overwrite?: boolean;
  /** More strings for the file's metadata. */
  metadata?: Record<string, string>;
}

/**
 * Writes a backbone as safetensors with timm's names, whole or not at all.
 *
 * @throws {RangeError} If the path exists.
 */
export async function writeBackbone(
  path: string,
  backbone: Pick<Backbone, "config" | "preprocess" | "tensors">,
  options: WriteBackboneOptions = {},
): Promise<void> {
  const { config, preprocess, tensors } = backbone;
  const { dtype = "F32", overwrite, metadata = {} } = options;
  const stored = new Map(
    [...modelTensors(config)].map(([name, { shape }]) => {
      const values = tensors.get(name);
      if (!values) {
        throw new TypeError(`Cannot write a backbone: got no tensor ${name}`);
      }
      return [name, fromFloat32(values, [...shape], dtype)] as const;
    }),
  );
  await writeSafetensors(path, {
    metadata: {
      ...metadata,
      format: "pt",
      config: JSON.stringify(config),
      preprocess: JSON.stringify(preprocess),
    },
    tensors: stored,
  }, { overwrite });
}
