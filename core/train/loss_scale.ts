/**
 * Loss scaling, for gradients that are stored as f16.
 *
 * @module
 */

import type { Engine } from "../../kernels/engine.ts";
import type { AdamwOptions } from "./schedule.ts";

/**
 * The factor on the gradient of one image's loss. That of an activation was at
 * most 0.11 at the start of ALoRE on vit-t8-32 and digits-1k (batch 32): this
 * leaves a factor of 600 to the largest f16, while what is rounded to zero is
 * below 2^-25 / 2^10 = 3e-11.
 */
const IMAGE_SCALE = 2 ** 10;

/**
 * What the gradients of a step are multiplied with, 1 where they are f32: a
 * power of two, so that nothing is rounded by it, at least the number of images,
 * by which the mean over them divides.
 */
export function lossScale({ half }: Engine, batch: number): number {
  return half ? IMAGE_SCALE * 2 ** Math.ceil(Math.log2(batch)) : 1;
}

/**
 * AdamW's numbers for gradients that are `scale` times too large: their moments
 * are so too (the second by its square), and in the update the factor cancels
 * out, if only eps and the norm to clip at have it as well.
 */
export function scaledAdamw(
  options: AdamwOptions,
  scale: number,
): AdamwOptions {
  const { eps, clip } = options;
  return { ...options, eps: eps * scale, clip: clip * scale };
}
