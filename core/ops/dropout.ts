/**
 * Dropout of elements, and scaling of whole rows for drop path.
 *
 * The mask is a hash of (key, site, index), so that the same key gives the same
 * mask on every engine, and the gradient needs no stored mask.
 *
 * Source: Srivastava et al., Dropout, 2014; Huang et al., Deep Networks with
 * Stochastic Depth, 2016.
 *
 * @module
 */

import type { Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** The op y = x / (1 - rate) where kept, else 0; groups go together. */
export const dropoutOp: Op = {
  name: "dropout",
  flops: ({ count }) => 2 * count,
  outputs(inputs, { count }): Shape[] {
    checkCounts("drop elements", inputs, [["x", count], ["key", 2]]);
    return [inputs[0] ?? []];
  },
  reference([x, key], { rate, site, group }): Float64Array[] {
    const [key0, key1] = present(key);
    return [
      present(x).map((v, i) => {
        const index = Math.floor(i / group);
        const unit = (dropoutHash(index, key0, key1, site) >>> 8) * 2 ** -24;
        return unit >= rate ? v / (1 - rate) : 0;
      }),
    ];
  },
  gradient(node, [dy]) {
    const { attributes, inputs: [, key] } = node;
    return [dy?.graph.apply(dropoutOp, [dy, key], attributes)[0]];
  },
};

/** Mixes 32-bit integers with wrap-around; every engine has the same one. */
function dropoutHash(
  index: number,
  key0: number,
  key1: number,
  site: number,
): number {
  let h = Math.imul(index ^ key0, 0x9E3779B1);
  h ^= h >>> 15;
  h = Math.imul(h + key1, 0x85EBCA77);
  h ^= h >>> 13;
  h = Math.imul(h + site, 0xC2B2AE3D);
  return (h ^ h >>> 16) >>> 0;
}

/** The op y[i] = scale[i] · x[i] + residual[i], row by row. */
export const scaleRowsOp: Op = {
  name: "scale_rows",
  flops: ({ rows, width }) => 2 * rows * width,
  outputs(inputs, { rows, width }): Shape[] {
    checkCounts("scale rows", inputs, [
      ["x", rows * width],
      ["scale", rows],
      ["residual?", rows * width],
    ]);
    return [inputs[0] ?? []];
  },
  reference([x, scale, residual], { width }): Float64Array[] {
    const s = present(scale);
    return [
      present(x).map((v, i) =>
        v * s[Math.floor(i / width)] + (residual ? residual[i] : 0)
      ),
    ];
  },
  gradient(node, [dy], needed) {
    const [, scale] = node.inputs;
    if (!dy || !scale) return [];
    const inputs = [dy, scale, undefined];
    const dx = needed[0]
      ? dy.graph.apply(scaleRowsOp, inputs, node.attributes)[0]
      : undefined;
    return [dx, undefined, dy];
  },
  addend: 2,
};

/**
 * Drops elements at random and scales up the rest.
 *
 * @param key `[2]`, i32, new for each step.
 * @param options `rate` in [0, 1); `site` tells apart the uses in one network;
 * `group` elements in a row are kept or dropped together, default 1.
 */
export function dropout(
  x: Value,
  key: Value,
  options: { rate: number; site: number; group?: number },
): Value {
  const attributes = { count: x.count, group: 1, ...options };
  return x.graph.apply(dropoutOp, [x, key], attributes)[0];
}

/** Multiplies each row of x `[rows, …]` by its number in `scale` `[rows]`. */
export function scaleRows(x: Value, scale: Value, residual?: Value): Value {
  const rows = scale.count;
  const attributes = { rows, width: x.count / rows };
  return x.graph.apply(scaleRowsOp, [x, scale, residual], attributes)[0];
}

/**
 * Scales each image's branch and adds it to the residual stream.
 *
 * @param x `[batch, …]`.
 * @param scale `[batch]`, 0 or 1 / (1 - rate) for drop path.
 */
export function addScaledRows(
  x: Value,
  scale: Value,
  residual: Value,
): Value {
  return scaleRows(x, scale, residual);
}
