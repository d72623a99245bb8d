/**
 * What an architecture is: its sizes, tensors, places for methods, and forward
 * pass.
 *
 * @module
 */

import type { Shape, Value } from "../graph/graph.ts";
import type { Hooks, Init, ModelShape } from "../methods/method.ts";

/** What the sizes of every architecture have in common. */
export interface ImageConfig {
  /** Which architecture these are the sizes of, such as `vit`. */
  readonly architecture: string;
  /** Height and width of the images, in pixels. */
  readonly imageSize: number;
  /** 3 for RGB. */
  readonly channels: number;
  /** Width of the head. */
  readonly classes: number;
}

/** A backbone tensor and how training from scratch starts it, as in timm. */
export interface BackboneTensor {
  /** Sizes, outermost first. */
  readonly shape: Shape;
  /** How it starts. */
  readonly init: Init;
}

/** What a forward pass is traced from. */
export interface Trace<Config extends ImageConfig> {
  /** Sizes of the model. */
  readonly config: Config;
  /** `[batch, channels, imageSize, imageSize]`, normalised. */
  readonly images: Value;
  /** A backbone tensor by name. */
  tensor(name: string): Value;
  /** Where the method touches it. */
  readonly hooks: Hooks;
  /** `[branches, batch]`, the scale of each residual branch of each image. */
  readonly dropPath?: Value;
}

/** An architecture; models are its configurations. */
export interface Architecture<Config extends ImageConfig> {
  /** As in {@linkcode ImageConfig}. */
  readonly name: Config["architecture"];
  /**
   * Checks that the sizes of a configuration fit each other.
   *
   * @throws {RangeError} If one is not a positive whole number or does not
   * divide.
   */
  check(config: Config): void;
  /** Every tensor by its name, in timm's order. */
  tensors(config: Config): Map<string, BackboneTensor>;
  /** What methods may know of a configuration. */
  shape(config: Config): ModelShape;
  /** Traces the forward pass; logits, `[batch, classes]`. */
  trace(trace: Trace<Config>): Value;
}
