/**
 * What is compared.
 *
 * @module
 */

import { findBackbone } from "../../core/models/zoo.ts";
import type { VitConfig } from "../../core/models/vit.ts";

/** One thing to time. */
export interface Work {
  /** For people and for `--work`. */
  readonly name: string;
  /**
   * A forward pass; a step that trains adapters before attention and MLP of
   * each block (ALoRE, 4 experts of rank 4) and the head; or one that trains
   * everything. Both with AdamW.
   */
  readonly kind: "inference" | "peft" | "full";
  /** Sizes of the model. */
  readonly model: VitConfig;
  /** Images a step. */
  readonly batch: number;
}

const tiny32 = vit("vit-t4-32");
const b16 = vit("vit-b16");

function vit(name: string): VitConfig {
  return { ...findBackbone(name) as VitConfig, classes: 10 };
}

function work(
  label: string,
  kind: Work["kind"],
  model: VitConfig,
  batch: number,
): Work {
  return { name: `${label}-${kind}-${batch}`, kind, model, batch };
}

/** Every work of the table, in its order. */
export const works: readonly Work[] = [
  work("tiny32", "inference", tiny32, 32),
  work("tiny32", "inference", tiny32, 128),
  work("tiny32", "peft", tiny32, 32),
  work("tiny32", "peft", tiny32, 128),
  work("tiny32", "full", tiny32, 32),
  work("b16", "inference", b16, 4),
  work("b16", "peft", b16, 4),
];

/** What is compared on WebGPU. */
export const webgpuWorks: readonly Work[] = [
  work("tiny32", "inference", tiny32, 32),
  work("tiny32", "peft", tiny32, 32),
];

/** Whose peak memory is compared. */
export const memoryWork: Work = work("tiny32", "peft", tiny32, 128);

/** Likewise on WebGPU. */
export const webgpuMemoryWork: Work = work("tiny32", "peft", tiny32, 32);

/** Whose scaling from one thread to all is measured. */
export const scalingWork: Work = work("tiny32", "peft", tiny32, 32);

/**
 * Operations of one step, a multiply-add as two: the matrix products and the
 * attention of the plain model, once for a forward pass, once more for the
 * gradient towards activations, and once more for that towards weights where
 * all are trained. The same for whoever computes it, so that rates compare;
 * adapters are left out.
 */
export function flopsOf({ kind, model, batch }: Work): number {
  const { imageSize, patchSize, channels, width, depth, mlpHidden } = model;
  const patches = (imageSize / patchSize) ** 2;
  const tokens = patches + 1;
  const products = 4 * width * width + 2 * width * mlpHidden;
  const attention = 2 * tokens * width;
  const embedding = patches * channels * patchSize ** 2 * width;
  const head = width * model.classes;
  const forward = 2 *
    (depth * tokens * (products + attention) + embedding + head);
  return batch * forward * { inference: 1, peft: 2, full: 3 }[kind];
}
