/**
 * FacT-TT: increments of all weights as one tensor in tensor-train form.
 *
 *     ΔW = s · U Σ V, with a core Σ of its own for each matrix
 *
 * U and V serve the whole network; see fact.ts for how layers become matrices.
 *
 * Source: Jie and Deng, FacT: Factor-Tuning for Lightweight Adaptation on Vision
 * Transformer, 2023, and its code (FacT/fact_tt.py): V starts at zero, U and Σ as
 * PyTorch's linear layers do; dropout 0.1 before V. The code chooses r up to 16
 * and s from 0.01 to 100 for each task; 16 and 1 are the defaults here.
 *
 * @module
 */

import {
  checkFact,
  factHooks,
  factOptions,
  type Layer,
  layersOf,
  mergeFact,
  sharedFactors,
} from "./fact.ts";
import type { Method } from "./method.ts";

const coreName = ({ module }: Layer): string => `adapter.${module}.core`;

/** The method. */
export const factTt: Method = {
  name: "fact-tt",
  summary: "increments of all weights as a tensor train, folded away",
  source: "Jie and Deng, arXiv 2212.03145",
  // AdamW on VTAB-1k as in the original code.
  lr: 1e-3,
  options: factOptions(16),
  check: (_options, model) => checkFact(model),
  trains: () => false,
  tensors(options, model) {
    const rank = Number(options.rank);
    return [
      ...sharedFactors(rank, model),
      ...layersOf(model).map((layer) => ({
        name: coreName(layer),
        shape: [layer.from * rank, layer.to * rank],
        init: {
          kind: "uniform",
          bound: 1 / Math.sqrt(layer.from * rank),
        } as const,
      })),
    ];
  },
  hooks: (context) =>
    factHooks(context, (layer) => context.tensor(coreName(layer))),
  merge: (context) =>
    mergeFact(context, (layer) => context.tensor(coreName(layer))),
};
