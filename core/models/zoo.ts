/**
 * The table of known backbones.
 *
 * @module
 */

import { hinted } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { ModelConfig } from "./architectures.ts";
import { hierarchicalZoo } from "./hierarchical_zoo.ts";
import type { VitConfig } from "./vit.ts";

type Sizes = Pick<VitConfig, "width" | "depth" | "heads">;

const TINY: Sizes = { width: 192, depth: 12, heads: 3 };
const SMALL: Sizes = { width: 384, depth: 12, heads: 6 };
const BASE: Sizes = { width: 768, depth: 12, heads: 12 };
const LARGE: Sizes = { width: 1024, depth: 24, heads: 16 };
const HUGE: Sizes = { width: 1280, depth: 32, heads: 16 };

function vit(
  sizes: Sizes & Pick<VitConfig, "patchSize">,
  imageSize = 224,
): VitConfig {
  return {
    architecture: "vit",
    ...sizes,
    imageSize,
    channels: 3,
    mlpHidden: 4 * sizes.width,
    classes: 1000,
    eps: 1e-6,
  };
}

/** LayerScale is part of the weights; DINOv2 ends at images of 518 pixels. */
function dinov2(sizes: Sizes, registers?: number): VitConfig {
  const config = vit({ ...sizes, patchSize: 14 }, 518);
  return registers ? { ...config, registers } : config;
}

/** The image tower of OpenAI's models. */
function clip(sizes: Sizes, patchSize: number): VitConfig {
  return {
    ...vit({ ...sizes, patchSize }),
    eps: 1e-5,
    preNorm: true,
    activation: "quick_gelu",
  };
}

/**
 * Sizes by name; `vit-t8-32` is the one that ships with its weights.
 *
 * Source: Dosovitskiy et al., 2021, table 1; Touvron et al., DeiT, 2021, for Ti
 * and S; Oquab et al., DINOv2, 2023, and Darcet et al., 2024, for registers;
 * Radford et al., CLIP, 2021, table 20.
 */
export const zoo: ReadonlyMap<string, ModelConfig> = new Map<
  string,
  ModelConfig
>([
  ["vit-t8-32", vit({ ...TINY, depth: 6, patchSize: 8 }, 32)],
  ["vit-t4-32", vit({ ...TINY, patchSize: 4 }, 32)],
  ["vit-ti16", vit({ ...TINY, patchSize: 16 })],
  ["vit-s8", vit({ ...SMALL, patchSize: 8 })],
  ["vit-s16", vit({ ...SMALL, patchSize: 16 })],
  ["vit-s32", vit({ ...SMALL, patchSize: 32 })],
  ["vit-b8", vit({ ...BASE, patchSize: 8 })],
  ["vit-b16", vit({ ...BASE, patchSize: 16 })],
  ["vit-b32", vit({ ...BASE, patchSize: 32 })],
  ["vit-l14", vit({ ...LARGE, patchSize: 14 })],
  ["vit-l16", vit({ ...LARGE, patchSize: 16 })],
  ["vit-l32", vit({ ...LARGE, patchSize: 32 })],
  ["vit-h14", vit({ ...HUGE, patchSize: 14 })],
  ["dinov2-s14", dinov2(SMALL)],
  ["dinov2-b14", dinov2(BASE)],
  ["dinov2-l14", dinov2(LARGE)],
  ["dinov2-s14-reg4", dinov2(SMALL, 4)],
  ["dinov2-b14-reg4", dinov2(BASE, 4)],
  ["dinov2-l14-reg4", dinov2(LARGE, 4)],
  ["clip-b16", clip(BASE, 16)],
  ["clip-b32", clip(BASE, 32)],
  ["clip-l14", clip(LARGE, 14)],
  ...hierarchicalZoo,
]);

/**
 * Finds a configuration by name.
 *
 * @throws {RangeError} If there is none of that name; the hint has the nearest.
 */
export function findBackbone(name: string): ModelConfig {
  const config = zoo.get(name);
  if (config) return config;
  throw hinted(
    new RangeError(
      `Cannot find the backbone: got "${name}", wanted one of ` +
        [...zoo.keys()].join(", "),
    ),
    `did you mean ${nearest(name, [...zoo.keys()])}?`,
  );
}
