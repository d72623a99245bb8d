/**
 * Quick GELU, y = x σ(1.702 x) with the logistic function σ, and its gradient.
 *
 * Source: Hendrycks and Gimpel, Gaussian Error Linear Units, 2016, section 2;
 * what OpenAI's CLIP was trained with.
 *
 * @module
 */

import type { Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

const SLOPE = 1.702;

/** The op y = x σ(1.702 x) over `count` elements. */
export const quickGeluOp: Op = {
  name: "quick_gelu",
  flops: ({ count }) => 5 * count,
  outputs([x], { count }): Shape[] {
    checkCounts("apply quick GELU", [x], [["x", count]]);
    return [x ?? []];
  },
  reference([x]): Float64Array[] {
    return [present(x).map((v) => v / (1 + Math.exp(-SLOPE * v)))];
  },
  gradient(node, [dy]) {
    const inputs = [dy, node.inputs[0]];
    return [dy?.graph.apply(quickGeluGradientOp, inputs, node.attributes)[0]];
  },
};

/** The op dx = dy (σ + 1.702 x σ (1 − σ)) over `count` elements. */
export const quickGeluGradientOp: Op = {
  name: "quick_gelu_gradient",
  flops: ({ count }) => 10 * count,
  outputs([dy, x], { count }): Shape[] {
    checkCounts("differentiate quick GELU", [dy, x], [
      ["dy", count],
      ["x", count],
    ]);
    return [x ?? []];
  },
  reference([dy, x]): Float64Array[] {
    const upstream = present(dy);
    return [
      present(x).map((v, i) => {
        const share = 1 / (1 + Math.exp(-SLOPE * v));
        return upstream[i] * share * (1 + SLOPE * v * (1 - share));
      }),
    ];
  },
};

/** Applies quick GELU element by element. */
export function quickGelu(x: Value): Value {
  return x.graph.apply(quickGeluOp, [x], { count: x.count })[0];
}
