/**
 * The registry of architectures: a new one is one file, its test, and a line in
 * each of the two lists here.
 *
 * @module
 */

import type { Value } from "../graph/graph.ts";
import type { ModelShape } from "../methods/method.ts";
import type {
  Architecture,
  BackboneTensor,
  ImageConfig,
  Trace,
} from "./architecture.ts";
import { convnext, type ConvNextConfig } from "./convnext.ts";
import { swin, type SwinConfig } from "./swin.ts";
import { vit, type VitConfig } from "./vit.ts";

/** Sizes of a model of any known architecture. */
export type ModelConfig = ConvNextConfig | SwinConfig | VitConfig;

const architectures: ReadonlyMap<string, unknown> = new Map(
  [convnext, swin, vit].map((
    architecture,
  ) => [architecture.name, architecture]),
);

/** The architecture that a configuration names fits it. */
function architectureOf({ architecture }: ImageConfig): Architecture<
  ModelConfig
> {
  const found = architectures.get(architecture);
  if (found) return found as Architecture<ModelConfig>;
  throw new RangeError(
    `Cannot build the model: got the architecture "${architecture}", wanted ` +
      `one of ${[...architectures.keys()].join(", ")}`,
  );
}

/**
 * Checks that the sizes of a configuration fit each other.
 *
 * @throws {RangeError} If one is not a positive whole number or does not divide.
 */
export function checkConfig(config: ModelConfig): void {
  architectureOf(config).check(config);
}

/** Every backbone tensor of a configuration by its name, in timm's order. */
export function modelTensors(config: ModelConfig): Map<string, BackboneTensor> {
  return architectureOf(config).tensors(config);
}

/** What methods may know of a configuration. */
export function modelShape(config: ModelConfig): ModelShape {
  return architectureOf(config).shape(config);
}

/** Traces a forward pass; logits, `[batch, classes]`. */
export function traceModel(trace: Trace<ModelConfig>): Value {
  return architectureOf(trace.config).trace(trace);
}
