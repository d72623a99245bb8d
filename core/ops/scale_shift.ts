/**
 * Scaling and shifting of channels: y[i, j] = x[i, j] · scale[j] + shift[j].
 *
 * Shapes: x, addend and y `[m, n]`, scale and shift `[n]`.
 *
 * @module
 */

import type { Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** The op behind {@linkcode scaleShift}. */
export const scaleShiftOp: Op = {
  name: "scale_shift",
  flops: ({ m, n }) => 2 * m * n,
  outputs(inputs, { m, n }): Shape[] {
    checkCounts("scale and shift channels", inputs, [
      ["x", m * n],
      ["scale", n],
      ["shift?", n],
      ["addend?", m * n],
    ]);
    return [[m, n]];
  },
  reference([x, scale, shift, addend], { n }): Float64Array[] {
    const factors = present(scale);
    return [
      present(x).map((v, i) =>
        v * factors[i % n] + (shift ? shift[i % n] : 0) +
        (addend ? addend[i] : 0)
      ),
    ];
  },
  gradient(node, [dy], needed) {
    const [x, scale, shift] = node.inputs;
    if (!dy || !x || !scale) return [];
    const { attributes } = node;
    const apply = dy.graph.apply.bind(dy.graph);
    const [dx] = needed[0]
      ? apply(scaleShiftOp, [dy, scale, undefined, undefined], attributes)
      : [];
    const [dscale, dshift] = needed[1] || needed[2]
      ? apply(scaleShiftGradientOp, [dy, x], attributes)
      : [];
    return [dx, dscale, shift && dshift, dy];
  },
  addend: 3,
};

/** The gradients towards scale and shift: Σᵢ dy · x and Σᵢ dy. */
export const scaleShiftGradientOp: Op = {
  name: "scale_shift_gradient",
  flops: ({ m, n }) => 3 * m * n,
  outputs(inputs, { m, n }): Shape[] {
    checkCounts("differentiate the scaling of channels", inputs, [
      ["dy", m * n],
      ["x", m * n],
    ]);
    return [[n], [n]];
  },
  reference([dy, x], { m, n }): Float64Array[] {
    const [g, v] = [present(dy), present(x)];
    const [dscale, dshift] = [new Float64Array(n), new Float64Array(n)];
    for (let i = 0; i < m * n; i++) {
      dscale[i % n] += g[i] * v[i];
      dshift[i % n] += g[i];
    }
    return [dscale, dshift];
  },
};

/**
 * Scales the last axis and shifts it.
 *
 * @param x `[…, n]`.
 * @param scale n elements.
 * @param shift n elements; left out, zeros.
 * @param residual Added, shaped like x.
 * @returns Shaped like x.
 * @throws {TypeError} If the sizes differ.
 */
export function scaleShift(
  x: Value,
  scale: Value,
  shift?: Value,
  residual?: Value,
): Value {
  const n = x.shape[x.shape.length - 1];
  const inputs = [x, scale, shift, residual];
  const [y] = x.graph.apply(scaleShiftOp, inputs, { m: x.count / n, n });
  return x.graph.reshape(y, x.shape);
}
