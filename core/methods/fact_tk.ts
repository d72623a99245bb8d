/**
 * FacT-TK: increments of all weights as one tensor in Tucker form.
 *
 *     ΔW[m] = s · U (Σₖ P[m, k] C[k]) V
 *
 * for matrix m of the network, with P `[matrices, r]`, C `[r, r, r]`, U and V for
 * all; see fact.ts for how layers become matrices.
 *
 * Source: Jie and Deng, FacT: Factor-Tuning for Lightweight Adaptation on Vision
 * Transformer, 2023, and its code (FacT/fact_tk.py): V starts at zero, U as
 * PyTorch's linear layers do, C and P Xavier uniform; dropout 0.1 before V. The
 * code chooses r up to 32 and s from 0.01 to 100 for each task; 32 and 1 are the
 * defaults here. The code interleaves the columns of the four matrices of fc1
 * and of fc2; this follows the paper, where each matrix has one row of P.
 *
 * @module
 */

import type { Value } from "../graph/graph.ts";
import { product } from "../ops/matmul.ts";
import { takeTokens } from "../ops/tokens.ts";
import { swapAxes } from "../ops/transpose.ts";
import { xavier } from "./bottleneck.ts";
import {
  checkFact,
  factHooks,
  factOptions,
  type Layer,
  layersOf,
  mergeFact,
  sharedFactors,
} from "./fact.ts";
import type { HookContext, MergeContext, Method } from "./method.ts";

const CORE = "adapter.shared.core";
const MIX = "adapter.shared.mix";

/** The method. */
export const factTk: Method = {
  name: "fact-tk",
  summary: "increments of all weights in Tucker form, folded away",
  source: "Jie and Deng, arXiv 2212.03145",
  // AdamW on VTAB-1k as in the original code.
  lr: 1e-3,
  options: factOptions(32),
  check: (_options, model) => checkFact(model),
  trains: () => false,
  tensors(options, model) {
    const rank = Number(options.rank);
    const layers = layersOf(model);
    const matrices = layers.reduce((sum, { from, to }) => sum + from * to, 0);
    return [
      ...sharedFactors(rank, model),
      {
        name: CORE,
        shape: [rank, rank, rank],
        init: xavier(rank ** 2, rank ** 2),
      },
      { name: MIX, shape: [matrices, rank], init: xavier(rank, matrices) },
    ];
  },
  hooks: (context) => factHooks(context, (layer) => mixCores(context, layer)),
  merge: (context) => mergeFact(context, (layer) => mixHost(context, layer)),
};

/** The cores of a layer, `[from · r, to · r]`. */
function mixCores(
  { tensor }: HookContext,
  { first, from, to }: Layer,
): Value {
  const [core, mix] = [tensor(CORE), tensor(MIX)];
  const { graph, shape: [rank] } = core;
  const count = from * to;
  const rows = takeTokens(graph.reshape(mix, [1, ...mix.shape]), first, count);
  const cores = graph.reshape(
    product(rows, graph.reshape(core, [rank, rank ** 2])),
    [count, rank, rank],
  );
  const side = to > 1 ? swapAxes(cores) : cores;
  return graph.reshape(side, [from * rank, to * rank]);
}

/** The same on the host, in float64. */
function mixHost(
  { options, tensor }: MergeContext,
  { first, from, to }: Layer,
): Float64Array {
  const rank = Number(options.rank);
  const [core, mix] = [tensor(CORE), tensor(MIX)];
  const cores = new Float64Array(from * rank * to * rank);
  for (let m = 0; m < from * to; m++) {
    const [a, b] = to > 1 ? [0, m] : [m, 0];
    for (let p = 0; p < rank; p++) {
      for (let q = 0; q < rank; q++) {
        let sum = 0;
        for (let k = 0; k < rank; k++) {
          sum += mix[(first + m) * rank + k] * core[(k * rank + p) * rank + q];
        }
        cores[(a * rank + p) * to * rank + b * rank + q] = sum;
      }
    }
  }
  return cores;
}
