/**
 * Exact GELU, y = x Φ(x) with Φ(x) = (1 + erf(x / √2)) / 2, and its gradient.
 *
 * Source: Hendrycks and Gimpel, Gaussian Error Linear Units, 2016; the erf form
 * that timm and PyTorch use by default.
 *
 * @module
 */

import type { Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** The op y = gelu(x) over `count` elements. */
export const gelu: Op = {
  name: "gelu",
  flops: ({ count }) => 5 * count,
  outputs([x], { count }): Shape[] {
    checkCounts("apply GELU", [x], [["x", count]]);
    return [x ?? []];
  },
  reference([x]): Float64Array[] {
    return [present(x).map((v) => v * normalCdf(v))];
  },
  gradient(node, [dy]) {
    const [x] = node.inputs;
    return [dy && x && geluGradient(dy, x)];
  },
};

/** The op dx = dy (Φ(x) + x φ(x)) over `count` elements. */
export const geluGradientOp: Op = {
  name: "gelu_gradient",
  flops: ({ count }) => 10 * count,
  outputs([dy, x], { count }): Shape[] {
    checkCounts("differentiate GELU", [dy, x], [["dy", count], ["x", count]]);
    return [x ?? []];
  },
  reference([dy, x]): Float64Array[] {
    const upstream = present(dy);
    return [
      present(x).map((v, i) => {
        const density = Math.exp(-0.5 * v * v) / Math.sqrt(2 * Math.PI);
        return upstream[i] * (normalCdf(v) + v * density);
      }),
    ];
  },
};

/** The gradient of GELU at x, times dy; both of one shape. */
export function geluGradient(dy: Value, x: Value): Value {
  return x.graph.apply(geluGradientOp, [dy, x], { count: x.count })[0];
}

/** Applies GELU element by element. */
export function applyGelu(x: Value): Value {
  return x.graph.apply(gelu, [x], { count: x.count })[0];
}

function normalCdf(x: number): number {
  return 0.5 * erfc(-x / Math.SQRT2);
}

/**
 * Complementary error function to about 1e-15: Taylor series near zero, the
 * continued fraction (Abramowitz and Stegun 7.1.14) in the tails.
 */
function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x < 0) return 2 - erfc(-x);
  if (x > 27) return 0;
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 200; n++) {
      term *= -x * x / n;
      sum += term / (2 * n + 1);
    }
    return 1 - 2 / Math.sqrt(Math.PI) * sum;
  }
  let tail = x;
  for (let n = 120; n > 0; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}
