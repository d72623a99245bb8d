/**
 * Tiny Swin and ConvNeXt models, and what PyTorch computes from them.
 *
 * @module
 */

import { type Backbone, readBackbone } from "../../core/models/backbone.ts";
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
