/**
 * Small models of every architecture and variant, for what must know them all.
 *
 * @module
 */

import {
  type ModelConfig,
  modelTensors,
} from "../../core/models/architectures.ts";
import type { ConvNextConfig } from "../../core/models/convnext.ts";
import type { SwinConfig } from "../../core/models/swin.ts";
import type { VitConfig } from "../../core/models/vit.ts";
import { RandomStream } from "../../core/rng.ts";

const size = { imageSize: 32, channels: 3, classes: 5 } as const;

const vit: VitConfig = {
  ...size,
  architecture: "vit",
  patchSize: 8,
  width: 24,
  depth: 2,
  heads: 3,
  mlpHidden: 48,
  eps: 1e-6,
};

/** Shifted windows, and a last map of one. */
const swin: SwinConfig = {
  ...size,
  architecture: "swin",
  patchSize: 4,
  width: 24,
  depths: [2, 2],
  heads: [3, 6],
  window: 4,
  mlpRatio: 2,
  eps: 1e-5,
};

const convnext: ConvNextConfig = {
  ...size,
  architecture: "convnext",
  patchSize: 4,
  widths: [8, 16],
  depths: [1, 2],
  eps: 1e-6,
};

/** Sizes by a name for people. */
export const architectureCases: ReadonlyMap<string, ModelConfig> = new Map<
  string,
  ModelConfig
>([
  ["ViT", vit],
  ["ViT with registers", { ...vit, registers: 4 }],
  ["ViT with registers and a norm in front", {
    ...vit,
    registers: 2,
    preNorm: true,
    eps: 1e-5,
  }],
  ["image tower of CLIP", {
    ...vit,
    preNorm: true,
    activation: "quick_gelu",
    eps: 1e-5,
  }],
  ["Swin", swin],
  ["Swin with a map below a window", {
    ...swin,
    depths: [2, 2, 1],
    heads: [3, 3, 6],
  }],
  // 9 tokens a side: windows of 4 are filled up, and so are squares of 2.
  ["Swin with filled up windows", { ...swin, imageSize: 36 }],
  ["ConvNeXt", convnext],
  // 9 tokens a side, of which the last is left out.
  ["ConvNeXt with odd maps", { ...convnext, imageSize: 36 }],
]);

/** Weights that leave no part of a model without effect. */
export function randomTensors(
  config: ModelConfig,
): Map<string, Float32Array<ArrayBuffer>> {
  const random = new RandomStream(0, "weights");
  return new Map(
    [...modelTensors(config)].map(([name, { shape, init }]) => {
      const count = shape.reduce((product, n) => product * n, 1);
      // Scales, which start at a constant that is not zero.
      const mean = init.kind === "constant" && init.value !== 0 ? 1 : 0;
      return [
        name,
        Float32Array.from(
          { length: count },
          () => mean + 0.2 * random.normal(),
        ),
      ];
    }),
  );
}

/** Normalised images, `[count, channels, imageSize, imageSize]`. */
export function randomImages(
  { channels, imageSize }: ModelConfig,
  count: number,
): Float32Array<ArrayBuffer> {
  const random = new RandomStream(1, "images");
  return Float32Array.from(
    { length: count * channels * imageSize ** 2 },
    () => random.normal(),
  );
}
