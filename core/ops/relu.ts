/**
 * ReLU, y = max(x, 0), and its gradient.
 *
 * @module
 */

import type { Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** The op y = max(x, 0) over `count` elements; NaN stays NaN. */
export const reluOp: Op = {
  name: "relu",
  flops: ({ count }) => count,
  outputs([x], { count }): Shape[] {
    checkCounts("apply ReLU", [x], [["x", count]]);
    return [x ?? []];
  },
  reference([x]): Float64Array[] {
    return [present(x).map((v) => v < 0 ? 0 : v)];
  },
  gradient(node, [dy]) {
    const [y] = node.outputs;
    return [dy?.graph.apply(reluGradientOp, [dy, y], node.attributes)[0]];
  },
};

/** The op dx = dy where y > 0, else 0; y is what ReLU gave. */
export const reluGradientOp: Op = {
  name: "relu_gradient",
  flops: ({ count }) => count,
  outputs([dy, y], { count }): Shape[] {
    checkCounts("differentiate ReLU", [dy, y], [["dy", count], ["y", count]]);
    return [y ?? []];
  },
  reference([dy, y]): Float64Array[] {
    const upstream = present(dy);
    return [present(y).map((v, i) => v > 0 ? upstream[i] : 0)];
  },
};

/** Applies ReLU element by element. */
export function relu(x: Value): Value {
  return x.graph.apply(reluOp, [x], { count: x.count })[0];
}
