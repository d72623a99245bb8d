/**
 * The table of known backbones.
 *
 * @module
 */

import { hinted } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { ModelConfig } from "./architectures.ts";
import type { VitConfig } from "./vit.ts";

function vit(
  sizes: Pick<VitConfig, "width" | "depth" | "heads" | "patchSize">,
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

/**
 * Sizes by name; `vit-t8-32` is the one that ships with its weights.
 *
 * Source: Dosovitskiy et al., 2021, table 1; Touvron et al., DeiT, 2021, for Ti
 * and S.
 */
export const zoo: ReadonlyMap<string, ModelConfig> = new Map([
  ["vit-t8-32", vit({ width: 192, depth: 6, heads: 3, patchSize: 8 }, 32)],
  ["vit-t4-32", vit({ width: 192, depth: 12, heads: 3, patchSize: 4 }, 32)],
  ["vit-ti16", vit({ width: 192, depth: 12, heads: 3, patchSize: 16 })],
  ["vit-s16", vit({ width: 384, depth: 12, heads: 6, patchSize: 16 })],
  ["vit-b16", vit({ width: 768, depth: 12, heads: 12, patchSize: 16 })],
  ["vit-l16", vit({ width: 1024, depth: 24, heads: 16, patchSize: 16 })],
  ["vit-h14", vit({ width: 1280, depth: 32, heads: 16, patchSize: 14 })],
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
