/**
 * Aggregation of low-rank experts in a space built by Kronecker products.
 *
 * Δ = Σₑ Sₑ ⊗ (Dₑ Uₑ), y = x + s · x Δ, without ever forming Δ. With x read as
 * n chunks of m = width / n numbers:
 *
 *     low[a, e]   = x[a] Dₑ
 *     mixed[b, e] = Σₐ Sₑ[a, b] low[a, e]
 *     y[b]        = x[b] + s Σₑ mixed[b, e] Uₑ
 *
 * The gradient towards x is the same with the factors in the other order, each
 * transposed: dmixed[b, e] = s dy[b] Uₑᵀ, dlow[a, e] = Σ_b Sₑ[a, b] dmixed[b, e],
 * dx[a] = dy[a] + Σₑ dlow[a, e] Dₑᵀ. So it is the same op with `transpose`, and
 * what it computes on the way is what the other gradients are made of.
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
import { expertMixGradientOp, expertMixOp } from "./expert_mix.ts";

/**
 * The op behind {@linkcode aggregateExperts}, in both directions. Results: y, and
 * for gradients what was made by the first factor and by S. With `keep` x itself
 * is added to y, where a residual would be a second reading of the same tensor.
 */
export const aggregateExpertsOp: Op = {
  name: "aggregate_experts",
  flops: ({ rows, experts, rank, chunk }) =>
    2 * rows * experts ** 2 * rank * (2 * chunk + experts),
  outputs(inputs, attributes): Shape[] {
    const { rows, experts, rank, chunk, keep } = attributes;
    checkCounts("aggregate experts", inputs, [
      ["x", rows * experts * chunk],
      ["down", experts * chunk * rank],
      ["up", experts * rank * chunk],
      ["scale", experts ** 3],
      ["residual?", rows * experts * chunk],
    ]);
    if (keep && inputs[4]) {
      throw new TypeError(
        "Cannot aggregate experts: got a residual besides x, wanted one of them",
      );
    }
    const narrow = [rows, experts, experts, rank];
    return [[rows, experts, chunk], narrow, narrow];
  },
  reference([x, down, up, scale, residual], attributes): Float64Array[] {
    const { rows, experts, rank, alpha, keep, transpose } = attributes;
    const [v, s] = [present(x), present(scale)];
    const [d, u] = [present(down), present(up)];
    const low = new Float64Array(rows * experts ** 2 * rank);
    const y = keep
      ? v.slice()
      : residual?.slice() ?? new Float64Array(v.length);
    eachTerm(attributes, (wide, narrow, inDown, inUp) => {
      low[narrow] += v[wide] * (transpose ? alpha * u[inUp] : d[inDown]);
    });
    const [mixed] = expertMixOp.reference([low, s], {
      rows,
      experts,
      rank,
      transpose,
    });
    eachTerm(attributes, (wide, narrow, inDown, inUp) => {
      y[wide] += mixed[narrow] * (transpose ? d[inDown] : alpha * u[inUp]);
    });
    return [y, low, mixed];
  },
  gradient(node, [dy], needed) {
    const [x, down, up, scale] = node.inputs;
    const { attributes } = node;
    if (!dy || !x) return [];
    const { transpose } = attributes;
    const apply = dy.graph.apply.bind(dy.graph);
    const back = apply(aggregateExpertsOp, [dy, down, up, scale, undefined], {
      ...attributes,
      transpose: 1 - transpose,
    });
    const there = { wide: x, first: node.outputs[1], second: node.outputs[2] };
    const here = { wide: dy, first: back[1], second: back[2] };
    const [from, to] = transpose ? [here, there] : [there, here];
    const [ofDown, ofUp, ofScale] = needed.slice(1, 4);
    const [dscale, ddown, dup] = ofDown || ofUp || ofScale
      ? apply(aggregateExpertsGradientOp, [
        ofDown ? from.wide : undefined,
        ofUp ? to.wide : undefined,
        ofScale ? from.first : undefined,
        ofUp ? from.second : undefined,
        ofScale ? to.first : undefined,
        ofDown ? to.second : undefined,
        undefined,
      ], attributes)
      : [];
    return [
      needed[0] ? back[0] : undefined,
      ofDown ? ddown : undefined,
      ofUp ? dup : undefined,
      ofScale ? dscale : undefined,
      needed[4] ? dy : undefined,
    ];
  },
};

/**
 * The gradients towards S, D and U, each a sum over rows:
 * dS[e, a, b] = Σ low[a, e] · dmixed[b, e], dDₑ = Σ x[a]ᵀ dlow[a, e],
 * dUₑ = s Σ mixed[b, e]ᵀ dy[b]. Operands of one that nobody wants are left out.
 */
export const aggregateExpertsGradientOp: Op = {
  name: "aggregate_experts_gradient",
  flops: ({ rows, experts, rank, chunk }) =>
    2 * rows * experts ** 2 * rank * (2 * chunk + experts),
  outputs(inputs, { rows, experts, rank, chunk }): Shape[] {
    const [wide, narrow] = [chunk, experts * rank]
      .map((size) => rows * experts * size);
    checkCounts("differentiate the aggregation of experts", inputs, [
      ["x?", wide],
      ["dy?", wide],
      ["low?", narrow],
      ["mixed?", narrow],
      ["dmixed?", narrow],
      ["dlow?", narrow],
      ["addend?", experts ** 3],
    ]);
    return [
      [experts, experts, experts],
      [experts, chunk, rank],
      [experts, rank, chunk],
    ];
  },
  reference(inputs, attributes): Float64Array[] {
    const [x, dy, low, mixed, dmixed, dlow, addend] = inputs;
    const { rows, experts, rank, chunk, alpha } = attributes;
    const size = { rows, experts, rank };
    const ddown = new Float64Array(experts * chunk * rank);
    const dup = new Float64Array(experts * rank * chunk);
    eachTerm(attributes, (wide, narrow, inDown, inUp) => {
      if (x && dlow) ddown[inDown] += x[wide] * dlow[narrow];
      if (dy && mixed) dup[inUp] += alpha * mixed[narrow] * dy[wide];
    });
    const [dscale] = low && dmixed
      ? expertMixGradientOp.reference([low, dmixed, addend], size)
      : [addend?.slice() ?? new Float64Array(experts ** 3)];
    return [dscale, ddown, dup];
  },
  addend: 6,
};

/** Visits every product of a factor: where its operands and its sum lie. */
function eachTerm(
  { rows, experts, rank, chunk }: Attributes,
  visit: (wide: number, narrow: number, inDown: number, inUp: number) => void,
): void {
  for (let row = 0; row < rows * experts; row++) {
    for (let e = 0; e < experts; e++) {
      for (let r = 0; r < rank; r++) {
        const narrow = (row * experts + e) * rank + r;
        for (let p = 0; p < chunk; p++) {
          const inDown = (e * chunk + p) * rank + r;
          visit(row * chunk + p, narrow, inDown, (e * rank + r) * chunk + p);
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
 * @param tensors D, U and S; n is read off D.
 * @param options `s`: the factor. `residual`: default x.
 * @returns Shaped like x.
 * @throws {TypeError} If the tensors' shapes do not agree with the width.
 */
export function aggregateExperts(
  x: Value,
  { down, up, scale }: ExpertTensors,
  { s, residual = x }: { s: number; residual?: Value },
): Value {
  const [experts, chunk, rank] = down.shape;
  const keep = residual.root === x.root;
  const [y] = x.graph.apply(
    aggregateExpertsOp,
    [x, down, up, scale, keep ? undefined : residual],
    {
      rows: x.count / (experts * chunk),
      experts,
      rank,
      chunk,
      alpha: s,
      keep: Number(keep),
      transpose: 0,
    },
  );
  return x.graph.reshape(y, x.shape);
}
