/**
 * The mixing of low-rank experts at rank width, a step of aggregate_experts.ts
 * and a kernel of its own where that op is taken apart.
 *
 *     mixed[t, b, e, :] = Σₐ S[e, a, b] low[t, a, e, :]
 *
 * Shapes: S `[n, n, n]` as [expert, in, out]; low and mixed `[rows, n, n, r]` as
 * [row, chunk, expert, rank].
 *
 * @module
 */

import type { Attributes, Op, Shape } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

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
