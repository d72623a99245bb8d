/**
 * What a checkpoint is, and what a family of checkpoints has to say about it.
 *
 * @module
 */

import type { Shape } from "../../graph/graph.ts";
import type { ByteSource } from "../../weights/byte_source.ts";
import type { Room } from "../../weights/room.ts";
import type { TensorFile } from "../../weights/tensor_file.ts";
import type { ModelConfig } from "../architectures.ts";
import type { Preprocess } from "../preprocess.ts";

/** A parsed JSON object of unknown content. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A file or folder of pretrained weights, opened. */
export interface Checkpoint {
  /** As it was given. */
  readonly path: string;
  /** For people: the file's or folder's name. */
  readonly name: string;
  /** Its tensors, of all shards together. */
  readonly file: TensorFile;
  /** The files that the tensors are in. */
  readonly sources: readonly ByteSource[];
  /** `config.json` beside it, as timm or Hugging Face write one. */
  readonly config?: JsonObject;
  /** `preprocessor_config.json` beside it. */
  readonly preprocessor?: JsonObject;
}

/** A stored tensor that one of the model's tensors is made from. */
export interface Part {
  /** Its name in the checkpoint. */
  readonly name: string;
  /** The shape that it must have. */
  readonly shape: Shape;
}

/** How one of the model's tensors is made from stored ones. */
export interface Recipe {
  /** What it takes, all of which must be there. */
  readonly parts: readonly Part[];
  /**
   * Makes it from the numbers of the parts; may return one of them.
   *
   * @param room Where other numbers go.
   */
  make(
    parts: readonly Float32Array<ArrayBuffer>[],
    room: Room,
  ): Float32Array<ArrayBuffer>;
}

/** What a family reads off a checkpoint. */
export interface Description {
  /**
   * Sizes; the head's classes are 1 where the checkpoint has no head, and a size
   * is NaN where no tensor that tells it is there.
   */
  readonly config: ModelConfig;
  /** What its images must go through. */
  readonly preprocess: Preprocess;
  /**
   * How a tensor of the model is stored.
   *
   * @param tensor Its name in the model.
   * @param shape Its shape in the model.
   */
  recipe(tensor: string, shape: Shape): Recipe;
  /** What else people should know, a line each. */
  readonly notes?: readonly string[];
  /** Why a stored tensor is left out on purpose; `undefined` if it is not. */
  dropped?(name: string): string | undefined;
  /** What to know of this model if tensors turn out to be wrong. */
  readonly hint?: string;
  /** Why it cannot be used even if every tensor is right. */
  readonly problem?: Error;
}

/** Checkpoints that one program writes of one architecture. */
export interface CheckpointFamily {
  /** For people, such as `timm ViT`. */
  readonly name: string;
  /** Whether the names of a checkpoint's tensors are this family's. */
  recognises(checkpoint: Checkpoint): boolean;
  /**
   * Reads sizes, preprocessing and the way to the model's tensors, any of which
   * may be missing or misshaped.
   *
   * @throws {RangeError} If the configuration beside it cannot be used.
   */
  describe(checkpoint: Checkpoint): Description;
}
