/**
 * Backbones whose maps shrink from stage to stage.
 *
 * @module
 */

import type { ConvNextConfig } from "./convnext.ts";
import type { SwinConfig } from "./swin.ts";

function swin(
  width: number,
  depth: number,
  heads: readonly number[],
): SwinConfig {
  return {
    architecture: "swin",
    imageSize: 224,
    channels: 3,
    patchSize: 4,
    width,
    depths: [2, 2, depth, 2],
    heads,
    window: 7,
    mlpRatio: 4,
    classes: 1000,
    eps: 1e-5,
  };
}

function convnext(width: number, depth: number): ConvNextConfig {
  return {
    architecture: "convnext",
    imageSize: 224,
    channels: 3,
    patchSize: 4,
    widths: [width, 2 * width, 4 * width, 8 * width],
    depths: [3, 3, depth, 3],
    classes: 1000,
    eps: 1e-6,
  };
}

/**
 * Sizes by name.
 *
 * Source: Liu et al., Swin Transformer, 2021, section 3.3; Liu et al., A ConvNet
 * for the 2020s, 2022, section 3.
 */
export const hierarchicalZoo: ReadonlyMap<string, SwinConfig | ConvNextConfig> =
  new Map<string, SwinConfig | ConvNextConfig>([
    ["swin-t", swin(96, 6, [3, 6, 12, 24])],
    ["swin-s", swin(96, 18, [3, 6, 12, 24])],
    ["swin-b", swin(128, 18, [4, 8, 16, 32])],
    ["convnext-t", convnext(96, 9)],
    ["convnext-s", convnext(96, 27)],
    ["convnext-b", convnext(128, 27)],
  ]);
