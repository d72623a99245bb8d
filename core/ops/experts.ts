/**
 * Aggregation of low-rank experts in a space built by Kronecker products.
 *
 * Δ = Σₑ Sₑ ⊗ (Dₑ Uₑ), y = x + s · x Δ, without ever forming Δ. With x read as
 * n chunks of m = width / n numbers:
 *
 *     low[a, e]   = x[a] Dₑ              one product with D as [m, n · r]
 *     mixed[b, e] = Σₐ Sₑ[a, b] low[a, e]
 *     y[b]        = x[b] + s Σₑ mixed[b, e] Uₑ    one product with U as [n · r, m]
 *
 * Shapes: D `[n, m, r]`, U `[n, r, m]`, S `[n, n, n]` as [expert, in, out]; low
 * and mixed `[rows, n, n, r]` as [row, chunk, expert, rank].
 *
 * Source: Du et al., Efficient Visual Adaptation via Aggregating Low Rank
 * Experts, arXiv 2412.08341.
 *
 * @module
 */

import type { Attributes, Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";
import { product } from "./matmul.ts";
import { swapAxes } from "./transpose.ts";

/** The op that mixes chunks per expert; `transpose` goes from out to in. */
export const expertMixOp: Op = {
  name: "expert_mix",
  flops: ({ rows, experts, rank }) => 2 * rows * experts ** 3 * rank,
  outputs(inputs, { rows, experts, rank }): Shape[] {
    checkCounts("mix experts", inputs, [
      ["low", rows * experts * experts * rank],
      ["scale", experts ** 3],
    ]);
    return [[rows, experts, experts, rank]];
  },
  reference([low, scale], attributes): Float64Array[] {
    const [x, s] = [present(low), present(scale)];
    const y = new Float64Array(x.length);
    eachMix(attributes, (from, to, weight) => {
      y[to] += s[weight] * x[from];
    });
    return [y];
  },
  gradient(node, [dy], needed) {
    const [low, scale] = node.inputs;
    const { rows, experts, rank, transpose } = node.attributes;
    if (!dy || !low || !scale) return [];
    const size = { rows, experts, rank };
    const apply = dy.graph.apply.bind(dy.graph);
    const [dlow] = needed[0]
      ? apply(expertMixOp, [dy, scale], { ...size, transpose: 1 - transpose })
      : [];
    const pair = transpose ? [dy, low] : [low, dy];
    const [dscale] = needed[1]
      ? apply(expertMixGradientOp, [...pair, undefined], size)
      : [];
    return [dlow, dscale];
  },
};

/** The gradient towards S: dS[e, a, b] = Σ low[a, e] · dmixed[b, e]. */
export const expertMixGradientOp: Op = {
  name: "expert_mix_gradient",
  flops: ({ rows, experts, rank }) => 2 * rows * experts ** 3 * rank,
  outputs(inputs, { rows, experts, rank }): Shape[] {
    checkCounts("differentiate the mixing of experts", inputs, [
      ["low", rows * experts * experts * rank],
      ["dmixed", rows * experts * experts * rank],
      ["addend?", experts ** 3],
    ]);
    return [[experts, experts, experts]];
  },
  reference([low, dmixed, addend], attributes): Float64Array[] {
    const [x, g] = [present(low), present(dmixed)];
    const dscale = addend?.slice() ?? new Float64Array(attributes.experts ** 3);
    eachMix({ ...attributes, transpose: 0 }, (from, to, weight) => {
      dscale[weight] += x[from] * g[to];
    });
    return [dscale];
  },
  addend: 2,
};

function eachMix(
  { rows, experts, rank, transpose }: Attributes,
  visit: (from: number, to: number, weight: number) => void,
): void {
  const at = (row: number, chunk: number, e: number, r: number): number =>
    ((row * experts + chunk) * experts + e) * rank + r;
  for (let row = 0; row < rows; row++) {
    for (let e = 0; e < experts; e++) {
      for (let a = 0; a < experts; a++) {
        for (let b = 0; b < experts; b++) {
          const [from, to] = transpose ? [b, a] : [a, b];
          for (let r = 0; r < rank; r++) {
            const weight = (e * experts + a) * experts + b;
            visit(at(row, from, e, r), at(row, to, e, r), weight);
          }
        }
      }
    }
  }
}

/** The tensors of one adapter. */
export interface ExpertTensors {
  /** D, `[n, width / n, r]`. */
  down: Value;
  /** U, `[n, r, width / n]`. */
  up: Value;
  /** S, `[n, n, n]`. */
  scale: Value;
}

/**
 * Adds the aggregated experts: y = residual + s · x Δ.
 *
 * @param x `[…, width]`.
 * @param tensors D, U and S; n is read off S.
 * @param options `s`: the factor. `residual`: default x.
 * @returns Shaped like x.
 * @throws {TypeError} If the tensors' shapes do not agree with the width.
 */
export function aggregateExperts(
  x: Value,
  tensors: ExpertTensors,
  options: { s: number; residual?: Value },
): Value {
  const graph = x.graph;
  const [experts, chunk, rank] = tensors.down.shape;
  const rows = x.count / (experts * chunk);
  const size = { rows, experts, rank };
  const chunks = graph.reshape(x, [rows * experts, chunk]);
  const down = graph.reshape(swapAxes(tensors.down), [chunk, experts * rank]);
  const low = product(chunks, down);
  const mix = { ...size, transpose: 0 };
  const [mixed] = graph.apply(expertMixOp, [low, tensors.scale], mix);
  const y = product(
    graph.reshape(mixed, [rows * experts, experts * rank]),
    graph.reshape(tensors.up, [experts * rank, chunk]),
    { alpha: options.s, residual: options.residual ?? x },
  );
  return graph.reshape(y, x.shape);
}
