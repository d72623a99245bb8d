/**
 * Matrix product with a fused epilogue.
 *
 * y = act(alpha · op(a) · op(b) + bias) + residual
 *
 * Shapes: op(a) `[m, k]`, op(b) `[k, n]`, bias `[n]`, residual and y `[m, n]`.
 * Transposed operands are stored as `[k, m]` and `[n, k]`.
 *
 * @module
 */

import type { Node, Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";
import { columnSum } from "./column_sum.ts";
import { gelu, geluGradient } from "./gelu.ts";

/** What follows the product inside the kernel. */
export const ACTIVATION = { none: 0, gelu: 1 } as const;

/** The op behind {@linkcode linear} and {@linkcode product}. */
export const matmul: Op = {
  name: "matmul",
  flops: ({ m, n, k }) => 2 * m * n * k,
  outputs(inputs, { m, n, k, activation }): Shape[] {
    checkCounts("multiply matrices", inputs, [
      ["a", m * k],
      ["b", k * n],
      ["bias?", n],
      ["residual?", m * n],
    ]);
    return activation ? [[m, n], [m, n]] : [[m, n]];
  },
  reference([a, b, bias, residual], attributes): Float64Array[] {
    const { m, n, k, transA, transB, alpha, activation } = attributes;
    const [x, w] = [present(a), present(b)];
    const before = new Float64Array(m * n);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) {
          sum += x[transA ? l * m + i : i * k + l] *
            w[transB ? j * k + l : l * n + j];
        }
        before[i * n + j] = alpha * sum + (bias ? bias[j] : 0);
      }
    }
    const [after] = activation
      ? gelu.reference([before], { count: m * n })
      : [before];
    const y = residual ? after.map((v, i) => v + residual[i]) : after;
    return activation ? [y, before] : [y];
  },
  gradient: matmulGradient,
  addend: 3,
};

function matmulGradient(
  node: Node,
  [dy]: (Value | undefined)[],
  needed: boolean[],
): (Value | undefined)[] {
  const [a, b, bias, residual] = node.inputs;
  if (!dy || !a || !b) return [];
  const { transA, transB, alpha, activation } = node.attributes;
  const { m, n } = node.attributes;
  const inner = needed[0] || needed[1] || needed[2];
  const dp = inner && activation ? geluGradient(dy, node.outputs[1]) : dy;
  let da: Value | undefined;
  let db: Value | undefined;
  if (needed[0]) {
    da = transA
      ? product(b, dp, { transA: !!transB, transB: true, alpha })
      : product(dp, b, { transB: !transB, alpha });
    da = a.graph.reshape(da, a.shape);
  }
  if (needed[1]) {
    db = transB
      ? product(dp, a, { transA: true, transB: !!transA, alpha })
      : product(a, dp, { transA: !transA, alpha });
    db = a.graph.reshape(db, b.shape);
  }
  const dbias = bias && needed[2] ? columnSum(dp, m, n) : undefined;
  return [da, db, dbias, residual && needed[3] ? dy : undefined];
}

/** Options of {@linkcode product}. */
export interface ProductOptions {
  /** Take `a` as `[k, m]`. */
  transA?: boolean;
  /** Take `b` as `[n, k]`. */
  transB?: boolean;
  /** Factor on the product, default 1. */
  alpha?: number;
  /** Added to every row, `[n]`; alpha is no factor on it. */
  bias?: Value;
  /** Added to the product, `[m, n]`. */
  residual?: Value;
}

/**
 * Multiplies two matrices: y = alpha · op(a) · op(b) + bias + residual.
 *
 * @param a `[m, k]`; more dimensions in front count as rows.
 * @param b `[k, n]`; likewise.
 * @returns `[m, n]`.
 * @throws {TypeError} If the inner sizes differ.
 */
export function product(
  a: Value,
  b: Value,
  options: ProductOptions = {},
): Value {
  const { transA = false, transB = false, alpha = 1 } = options;
  const { bias, residual } = options;
  const [aRows, aColumns] = asMatrix(a);
  const [bRows, bColumns] = asMatrix(b);
  const [m, k] = transA ? [aColumns, aRows] : [aRows, aColumns];
  const [inner, n] = transB ? [bColumns, bRows] : [bRows, bColumns];
  if (inner !== k) {
    throw new TypeError(
      `Cannot multiply matrices: got inner sizes ${k} and ${inner}, wanted ` +
        `them equal`,
    );
  }
  const [y] = a.graph.apply(matmul, [a, b, bias, residual], {
    m,
    n,
    k,
    transA: Number(transA),
    transB: Number(transB),
    alpha,
    activation: ACTIVATION.none,
  });
  return y;
}

/** Options of {@linkcode linear}. */
export interface LinearOptions {
  /** `[out]`. */
  bias?: Value;
  activation?: keyof typeof ACTIVATION;
  /** Added after the activation, shaped like the result. */
  residual?: Value;
}

/**
 * Applies a linear layer as PyTorch stores it: y = act(x Wᵀ + b) + residual.
 *
 * @param x `[…, in]`.
 * @param weight `[out, in]`.
 * @returns `[…, out]`.
 * @throws {TypeError} If the widths differ.
 */
export function linear(
  x: Value,
  weight: Value,
  options: LinearOptions = {},
): Value {
  const [m, k] = asMatrix(x);
  const [n, inner] = asMatrix(weight);
  if (inner !== k) {
    throw new TypeError(
      `Cannot apply a linear layer: got width ${k}, wanted ${inner}`,
    );
  }
  const { bias, activation = "none", residual } = options;
  const [y] = x.graph.apply(matmul, [x, weight, bias, residual], {
    m,
    n,
    k,
    transA: 0,
    transB: 1,
    alpha: 1,
    activation: ACTIVATION[activation],
  });
  return x.graph.reshape(y, [...x.shape.slice(0, -1), n]);
}

function asMatrix(value: Value): [rows: number, columns: number] {
  const columns = value.shape[value.shape.length - 1];
  return [value.count / columns, columns];
}
