/**
 * Swaps the first two of three axes: y[b, a, c] = x[a, b, c].
 *
 * @module
 */

import type { Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** The op behind {@linkcode swapAxes}. */
export const transposeOp: Op = {
  name: "transpose",
  outputs([x], { a, b, c }): Shape[] {
    checkCounts("swap axes", [x], [["x", a * b * c]]);
    return [[b, a, c]];
  },
  reference([x], { a, b, c }): Float64Array[] {
    const v = present(x);
    const y = new Float64Array(a * b * c);
    for (let i = 0; i < a; i++) {
      for (let j = 0; j < b; j++) {
        for (let l = 0; l < c; l++) {
          y[(j * a + i) * c + l] = v[(i * b + j) * c + l];
        }
      }
    }
    return [y];
  },
  gradient(_node, [dy]) {
    return [dy && swapAxes(dy)];
  },
};

/** Swaps the first two axes of x `[a, b, c]`. */
export function swapAxes(x: Value): Value {
  const [a, b, c] = x.shape;
  return x.graph.apply(transposeOp, [x], { a, b, c })[0];
}
