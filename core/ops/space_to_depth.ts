/**
 * Gathers squares of channels-last tokens into one token each, so that a
 * convolution as wide as its stride is a linear layer.
 *
 * Two orders inside a gathered token of patch p:
 *
 * - `merge` 0: channel, row, column, as in a convolution's weight; rows and
 *   columns beyond a multiple of p are left out, as a convolution does.
 * - `merge` 1: column, row, channel, as in Swin's patch merging, which fills up
 *   with zeros instead.
 *
 * Shapes: x `[batch, size², channels]`; y
 * `[batch, out², p² · channels]` with out = size / p, rounded down or up.
 *
 * Source: Liu et al., Swin Transformer, 2021, for the second order.
 *
 * @module
 */

import type { Attributes, Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, mapSide, present } from "./check.ts";

/** The op x → y. */
export const spaceToDepthOp: Op = {
  name: "space_to_depth",
  outputs([x], attributes): Shape[] {
    const { batch, size, channels, patch } = attributes;
    checkCounts("gather tokens", [x], [["x", batch * size * size * channels]]);
    const out = gatheredSize(attributes);
    if (out < 1) {
      throw new TypeError(
        `Cannot gather tokens: got a map of ${size} by ${size}, wanted at ` +
          `least ${patch} by ${patch}`,
      );
    }
    return [[batch, out * out, patch * patch * channels]];
  },
  reference([x], attributes): Float64Array[] {
    const { batch, channels, patch } = attributes;
    const out = gatheredSize(attributes);
    const y = new Float64Array(batch * (out * patch) ** 2 * channels);
    eachPair(attributes, (from, to) => y[to] = present(x)[from]);
    return [y];
  },
  gradient(node, [dy]) {
    return [dy?.graph.apply(depthToSpaceOp, [dy], node.attributes)[0]];
  },
};

/** The op y → x, zeros where nothing was gathered. */
export const depthToSpaceOp: Op = {
  name: "depth_to_space",
  outputs([y], attributes): Shape[] {
    const { batch, size, channels, patch } = attributes;
    const out = gatheredSize(attributes);
    checkCounts("scatter tokens", [y], [
      ["y", batch * (out * patch) ** 2 * channels],
    ]);
    return [[batch, size * size, channels]];
  },
  reference([y], attributes): Float64Array[] {
    const { batch, size, channels } = attributes;
    const x = new Float64Array(batch * size * size * channels);
    eachPair(attributes, (to, from) => x[to] = present(y)[from]);
    return [x];
  },
  gradient(node, [dx]) {
    return [dx?.graph.apply(spaceToDepthOp, [dx], node.attributes)[0]];
  },
};

/** Tokens along a side of y. */
function gatheredSize({ size, patch, merge }: Attributes): number {
  return merge ? Math.ceil(size / patch) : Math.floor(size / patch);
}

/** Visits the index in x and in y of every number that is in both. */
function eachPair(
  attributes: Attributes,
  visit: (inX: number, inY: number) => void,
): void {
  const { batch, size, channels, patch, merge } = attributes;
  const out = gatheredSize(attributes);
  const end = Math.min(size, out * patch);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < end; i++) {
      for (let j = 0; j < end; j++) {
        const token = Math.floor(i / patch) * out + Math.floor(j / patch);
        const [row, column] = [i % patch, j % patch];
        for (let c = 0; c < channels; c++) {
          const inside = merge
            ? (column * patch + row) * channels + c
            : (c * patch + row) * patch + column;
          const width = patch * patch * channels;
          visit(
            ((b * size + i) * size + j) * channels + c,
            (b * out * out + token) * width + inside,
          );
        }
      }
    }
  }
}

/** Options of {@linkcode spaceToDepth}. */
export interface SpaceToDepthOptions {
  /** Side of the squares. */
  patch: number;
  /** Whose order and edges, see the module. */
  order: "convolution" | "merge";
}

/**
 * Gathers squares of tokens.
 *
 * @param x `[batch, size², channels]`, tokens in row-major order.
 * @returns `[batch, out², patch² · channels]`.
 * @throws {TypeError} If the tokens are no square or fewer than a patch.
 */
export function spaceToDepth(x: Value, options: SpaceToDepthOptions): Value {
  const { patch, order } = options;
  const [batch, tokens, channels] = x.shape;
  const size = mapSide("gather tokens", tokens);
  const merge = Number(order === "merge");
  const attributes = { batch, size, channels, patch, merge };
  return x.graph.apply(spaceToDepthOp, [x], attributes)[0];
}
