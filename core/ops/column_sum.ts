/**
 * Sum over rows: y[j] = Σᵢ x[i, j] + addend[j].
 *
 * Shapes: x `[m, n]`, addend and y `[n]`. The gradient of a bias.
 *
 * @module
 */

import type { Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** The op behind {@linkcode columnSum}. */
export const columnSumOp: Op = {
  name: "column_sum",
  flops: ({ m, n }) => m * n,
  outputs(inputs, { m, n }): Shape[] {
    checkCounts("sum columns", inputs, [["x", m * n], ["addend?", n]]);
    return [[n]];
  },
  reference([x, addend], { m, n }): Float64Array[] {
    const values = present(x);
    const y = addend ? addend.slice() : new Float64Array(n);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) y[j] += values[i * n + j];
    }
    return [y];
  },
  addend: 1,
};

/** Sums the rows of x `[m, n]` into `[n]`. */
export function columnSum(x: Value, m: number, n: number): Value {
  return x.graph.apply(columnSumOp, [x, undefined], { m, n })[0];
}
