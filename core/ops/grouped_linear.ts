/**
 * A linear layer whose groups of outputs see groups of inputs: a grouped
 * convolution of size one, with or without a shuffle of the channels before it.
 *
 * y[i, g·n + j] = Σₗ w[g·n + j, l] · x[i, σ(g·k + l)] + bias[g·n + j] + residual
 *
 * The shuffle reads the channels as a table of groups × k and goes down its
 * columns: σ(p) = (p mod groups) · k + ⌊p / groups⌋, so that every group sees
 * channels from all over; without it σ(p) = p.
 *
 * Shapes: x `[m, groups · k]`, w `[groups · n, k]`, bias `[groups · n]`,
 * residual and y `[m, groups · n]`.
 *
 * Source: Zhang et al., ShuffleNet, 2018, for the shuffle.
 *
 * @module
 */

import type { Attributes, Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";
import { columnSum } from "./column_sum.ts";

/** The forward op. */
export const groupedLinearOp: Op = {
  name: "grouped_linear",
  flops: ({ m, groups, k, n }) => 2 * m * groups * k * n,
  outputs(inputs, { m, groups, k, n }): Shape[] {
    checkCounts("apply a grouped linear layer", inputs, [
      ["x", m * groups * k],
      ["weight", groups * n * k],
      ["bias?", groups * n],
      ["residual?", m * groups * n],
    ]);
    return [[m, groups * n]];
  },
  reference([x, weight, bias, residual], attributes): Float64Array[] {
    const { m, groups, n } = attributes;
    const [v, w] = [present(x), present(weight)];
    const y = new Float64Array(m * groups * n);
    for (const i of y.keys()) {
      y[i] = (bias ? bias[i % (groups * n)] : 0) + (residual ? residual[i] : 0);
    }
    eachTerm(attributes, ({ input, weight, output }) => {
      y[output] += w[weight] * v[input];
    });
    return [y];
  },
  gradient(node, [dy], needed) {
    const [x, weight, bias] = node.inputs;
    const { attributes } = node;
    const { m, groups, n } = attributes;
    if (!dy || !x || !weight) return [];
    const apply = dy.graph.apply.bind(dy.graph);
    const [dx] = needed[0]
      ? apply(groupedInputGradientOp, [dy, weight, undefined], attributes)
      : [];
    const [dw] = needed[1]
      ? apply(groupedWeightGradientOp, [dy, x, undefined], attributes)
      : [];
    const dbias = bias && needed[2] ? columnSum(dy, m, groups * n) : undefined;
    return [dx, dw, dbias, needed[3] ? dy : undefined];
  },
  addend: 3,
};

/** The gradient towards x. */
export const groupedInputGradientOp: Op = {
  name: "grouped_input_gradient",
  flops: ({ m, groups, k, n }) => 2 * m * groups * k * n,
  outputs(inputs, { m, groups, k, n }): Shape[] {
    checkCounts("differentiate a grouped linear layer", inputs, [
      ["dy", m * groups * n],
      ["weight", groups * n * k],
      ["addend?", m * groups * k],
    ]);
    return [[m, groups * k]];
  },
  reference([dy, weight, addend], attributes): Float64Array[] {
    const { m, groups, k } = attributes;
    const [g, w] = [present(dy), present(weight)];
    const dx = addend?.slice() ?? new Float64Array(m * groups * k);
    eachTerm(attributes, ({ input, weight, output }) => {
      dx[input] += w[weight] * g[output];
    });
    return [dx];
  },
  addend: 2,
};

/** The gradient towards the weight. */
export const groupedWeightGradientOp: Op = {
  name: "grouped_weight_gradient",
  flops: ({ m, groups, k, n }) => 2 * m * groups * k * n,
  outputs(inputs, { m, groups, k, n }): Shape[] {
    checkCounts("differentiate a grouped linear layer", inputs, [
      ["dy", m * groups * n],
      ["x", m * groups * k],
      ["addend?", groups * n * k],
    ]);
    return [[groups * n, k]];
  },
  reference([dy, x, addend], attributes): Float64Array[] {
    const { groups, k, n } = attributes;
    const [g, v] = [present(dy), present(x)];
    const dw = addend?.slice() ?? new Float64Array(groups * n * k);
    eachTerm(attributes, ({ input, weight, output }) => {
      dw[weight] += g[output] * v[input];
    });
    return [dw];
  },
  addend: 2,
};

/** The channel that stands at position `p` of the inputs of the groups. */
export function shuffledChannel(p: number, groups: number, k: number): number {
  return (p % groups) * k + Math.floor(p / groups);
}

/** Visits every product by the indices of its factors and its sum. */
function eachTerm(
  { m, groups, k, n, shuffle }: Attributes,
  visit: (at: { input: number; weight: number; output: number }) => void,
): void {
  for (let i = 0; i < m; i++) {
    for (let row = 0; row < groups * n; row++) {
      for (let l = 0; l < k; l++) {
        const p = Math.floor(row / n) * k + l;
        const channel = shuffle ? shuffledChannel(p, groups, k) : p;
        visit({
          input: i * groups * k + channel,
          weight: row * k + l,
          output: i * groups * n + row,
        });
      }
    }
  }
}

/** Options of {@linkcode groupedLinear}. */
export interface GroupedOptions {
  /** Number of groups. */
  readonly groups: number;
  /** Whether the channels are shuffled before; default false. */
  readonly shuffle?: boolean;
  /** `[out]`. */
  readonly bias?: Value;
  /** Added to the result, shaped like it. */
  readonly residual?: Value;
}

/**
 * Applies a linear layer group by group.
 *
 * @param x `[…, in]`.
 * @param weight `[out, in / groups]`.
 * @returns `[…, out]`.
 * @throws {TypeError} If the widths do not fit the groups.
 */
export function groupedLinear(
  x: Value,
  weight: Value,
  options: GroupedOptions,
): Value {
  const { groups, shuffle = false, bias, residual } = options;
  const width = x.shape[x.shape.length - 1];
  const [out, k] = weight.shape;
  if (groups * k !== width || out % groups !== 0) {
    throw new TypeError(
      `Cannot apply a grouped linear layer: got width ${width} and a weight ` +
        `[${weight.shape}], wanted ${groups} groups to divide both`,
    );
  }
  const m = x.count / width;
  const n = out / groups;
  const [y] = x.graph.apply(groupedLinearOp, [x, weight, bias, residual], {
    m,
    groups,
    k,
    n,
    shuffle: Number(shuffle),
  });
  return x.graph.reshape(y, [...x.shape.slice(0, -1), out]);
}
