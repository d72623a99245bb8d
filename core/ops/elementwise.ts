/**
 * Sums and copies of whole tensors.
 *
 * @module
 */

import type { Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** The op y = a + alpha · b over `count` elements. */
export const addOp: Op = {
  name: "add",
  flops: ({ count }) => 2 * count,
  outputs([a, b], { count }): Shape[] {
    checkCounts("add", [a, b], [["a", count], ["b", count]]);
    return [a ?? []];
  },
  reference([a, b], { alpha }): Float64Array[] {
    const other = present(b);
    return [present(a).map((v, i) => v + alpha * other[i])];
  },
  gradient(node, [dy], needed) {
    const { alpha, count } = node.attributes;
    if (!dy) return [];
    if (!needed[1] || alpha === 1) return [dy, dy];
    // dy + (alpha - 1) dy, so that no op only for scaling is needed.
    const scaled = dy.graph.apply(addOp, [dy, dy], { count, alpha: alpha - 1 });
    return [dy, scaled[0]];
  },
};

/** The op y = x over `count` elements. */
export const copyOp: Op = {
  name: "copy",
  outputs([x], { count }): Shape[] {
    checkCounts("copy", [x], [["x", count]]);
    return [x ?? []];
  },
  reference([x]): Float64Array[] {
    return [present(x).slice()];
  },
  gradient(_node, [dy]) {
    return [dy];
  },
};

/**
 * Adds two tensors of one shape: a + alpha · b.
 *
 * @throws {TypeError} If the sizes differ.
 */
export function add(a: Value, b: Value, alpha = 1): Value {
  return a.graph.apply(addOp, [a, b], { count: a.count, alpha })[0];
}

/** Copies a tensor into a place of its own. */
export function copy(x: Value): Value {
  return x.graph.apply(copyOp, [x], { count: x.count })[0];
}
