/**
 * A model's tensors as timm stores them, which are the model's own but for two
 * things: registers have positions, and a norm in front of the blocks does away
 * with the bias of the patches.
 *
 * @module
 */

import type { Shape } from "../graph/graph.ts";
import { modelTensors } from "../models/architectures.ts";
import type { VitConfig } from "../models/vit.ts";
import type { ExportedModel } from "./exported_model.ts";

/** Numbers and how they lie. */
export interface ShapedTensor {
  readonly shape: Shape;
  readonly values: Float32Array;
}

const POSITIONS = "pos_embed";
const BIAS = "patch_embed.proj.bias";

/**
 * Every tensor by timm's name.
 *
 * @throws {TypeError} If one is missing.
 */
export function timmTensors(
  { config, tensors }: ExportedModel,
): Map<string, ShapedTensor> {
  const stored = new Map<string, ShapedTensor>();
  for (const [name, { shape }] of modelTensors(config)) {
    const values = tensors.get(name);
    if (!values) {
      throw new TypeError(`Cannot export the model: got no tensor ${name}`);
    }
    stored.set(name, { shape, values });
  }
  if (config.architecture !== "vit") return stored;
  if (config.preNorm) moveBias(stored, config);
  if (config.registers) placeRegisters(stored, config);
  return stored;
}

/** The bias of all patches is as well part of their positions. */
function moveBias(
  stored: Map<string, ShapedTensor>,
  { width }: VitConfig,
): void {
  const bias = stored.get(BIAS)!.values;
  const { shape, values } = stored.get(POSITIONS)!;
  const moved = values.map((value, i) =>
    i < width ? value : value + bias[i % width]
  );
  stored.set(POSITIONS, { shape, values: moved });
  stored.delete(BIAS);
}

/** Positions of zero, between the class token's and the patches'. */
function placeRegisters(
  stored: Map<string, ShapedTensor>,
  { width, registers = 0 }: VitConfig,
): void {
  const { shape: [, tokens], values } = stored.get(POSITIONS)!;
  const placed = new Float32Array((tokens + registers) * width);
  placed.set(values.subarray(0, width));
  placed.set(values.subarray(width), (1 + registers) * width);
  stored.set(POSITIONS, {
    shape: [1, tokens + registers, width],
    values: placed,
  });
}
