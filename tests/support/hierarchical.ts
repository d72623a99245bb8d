/**
 * Tiny Swin and ConvNeXt models, and what PyTorch computes from them.
 *
 * @module
 */

import {
  type Backbone,
  readBackbone,
  scratchBackbone,
} from "../../core/models/backbone.ts";
import type { ModelConfig } from "../../core/models/architectures.ts";
import { RandomStream } from "../../core/rng.ts";
import { readSafetensors, toFloat32 } from "../../core/weights/safetensors.ts";
import type { HostArray } from "../../kernels/engine.ts";

const FOLDER = "tests/fixtures/checkpoints/hierarchical";

/** Names of the models; see tests/fixtures/make/make_hierarchical.py. */
export const hierarchical = ["swin", "swin_padded", "convnext"] as const;

/** Numbers of a fixture by name. */
export interface Expected {
  /** Tensors of which there is a gradient, by the model's names. */
  readonly gradients: readonly string[];
  /** Such as `images`, `logits` and `grad.norm.weight`. */
  numbers(name: string): HostArray & Float32Array<ArrayBuffer>;
}

/** One of the models under timm's names, and what PyTorch makes of it. */
export async function hierarchicalCase(
  name: string,
): Promise<{ backbone: Backbone; expected: Expected }> {
  const backbone = await readBackbone(`${FOLDER}/${name}`);
  const { tensors } = await readSafetensors(
    `${FOLDER}/${name}/expected.safetensors`,
  );
  const gradients = [...tensors.keys()]
    .filter((tensor) => tensor.startsWith("grad."))
    .map((tensor) => tensor.slice("grad.".length));
  const numbers = (tensor: string) =>
    toFloat32(tensors.get(tensor)!) as Float32Array<ArrayBuffer>;
  return { backbone, expected: { gradients, numbers } };
}

/** The model under torchvision's names. */
export function torchvisionFile(name: string): Promise<Backbone> {
  return readBackbone(`${FOLDER}/${name}/torchvision.safetensors`);
}

const SIZES = { imageSize: 8, channels: 3, patchSize: 2, classes: 3 };

/** Sizes for the images of tiny.ts. */
const configs: Readonly<Record<"swin" | "convnext", ModelConfig>> = {
  // 4 × 4 tokens in windows of 3 with a shift and filling; then one window.
  swin: {
    architecture: "swin",
    ...SIZES,
    width: 12,
    depths: [2, 1],
    heads: [3, 3],
    window: 3,
    mlpRatio: 2,
    eps: 1e-5,
  },
  convnext: {
    architecture: "convnext",
    ...SIZES,
    widths: [12, 24],
    depths: [1, 2],
    eps: 1e-6,
  },
};

/** A backbone whose every number counts: none is at its start. */
export function shakenBackbone(name: "swin" | "convnext"): Backbone {
  const fresh = scratchBackbone(name, configs[name], 7);
  const tensors = new Map(
    [...fresh.tensors].map(([tensor, values]) => {
      const random = new RandomStream(3, tensor);
      const start = tensor.endsWith(".gamma") ? 1 : 0;
      const shaken = values.map((v) => v + start + 0.1 * random.normal());
      return [tensor, shaken] as const;
    }),
  );
  return { ...fresh, tensors };
}
