/**
 * Adapters that were trained elsewhere.
 *
 * @module
 */

import type { Fitting } from "../data/description.ts";
import type { Shape } from "../graph/graph.ts";
import type { MethodOptions } from "../methods/method.ts";
import type { Preprocess } from "../models/preprocess.ts";
import type { RunConfig } from "../train/run_config.ts";

/** A tensor as it came. */
export interface ForeignTensor {
  /** As in this program. */
  readonly shape: Shape;
  /** Read and turned around when asked for. */
  values(): Float32Array<ArrayBuffer>;
  /** What its file calls it, for messages. */
  readonly there: string;
}

/** An adapter in a folder, read but not held against a backbone. */
export interface ForeignAdapter {
  /** The folder. */
  readonly path: string;
  /** Its layout, such as `peft`. */
  readonly format: string;
  readonly method: string;
  /** All or some; what is left out is the method's default. */
  readonly options: MethodOptions;
  /** By this program's names, the head included. */
  readonly tensors: ReadonlyMap<string, ForeignTensor>;
  /** In the order of the head's rows, where the folder says. */
  readonly classes?: readonly string[];
  /** Side of the images, where the folder says. */
  readonly imageSize?: number;
  /** How images became square, where the folder says. */
  readonly resize?: Fitting;
  /** What images must go through, where the folder says. */
  readonly preprocess?: Preprocess;
  /** What it was trained on, where the folder says so beyond doubt. */
  readonly backbone?: RunConfig["backbone"];
}
