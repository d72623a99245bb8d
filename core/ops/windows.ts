/**
 * Cuts channels-last maps into square windows after a cyclic shift, and back.
 *
 * The map moves by `shift` up and to the left, what leaves it comes in at the
 * other side; then zeros fill it up to a multiple of the window, below and to
 * the right. This is timm's order: with a shift, the filling stands between rows
 * that are neighbours in the image.
 *
 * Shapes: x `[batch, size², channels]`; y `[batch · side², window², channels]`
 * with side = size / window, rounded up; windows and what is in them in
 * row-major order.
 *
 * Source: Liu et al., Swin Transformer, 2021.
 *
 * @module
 */

import type { Attributes, Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, mapSide, present } from "./check.ts";

/** The op x → y. */
export const windowPartitionOp: Op = {
  name: "window_partition",
  outputs([x], attributes): Shape[] {
    const { batch, size, channels, window, shift } = attributes;
    checkCounts("cut windows", [x], [["x", batch * size * size * channels]]);
    if (shift < 0 || shift >= window) {
      throw new TypeError(
        `Cannot cut windows: got a shift of ${shift}, wanted at least 0 and ` +
          `less than the window, ${window}`,
      );
    }
    return [[batch * windowCount(attributes), window * window, channels]];
  },
  reference([x], attributes): Float64Array[] {
    const { batch, channels, window } = attributes;
    const windows = batch * windowCount(attributes);
    const y = new Float64Array(windows * window * window * channels);
    eachPair(attributes, (from, to) => y[to] = present(x)[from]);
    return [y];
  },
  gradient(node, [dy]) {
    const inputs = [dy, undefined];
    return [dy?.graph.apply(windowReverseOp, inputs, node.attributes)[0]];
  },
};

/** The op y → x, the filling dropped, plus an optional residual like x. */
export const windowReverseOp: Op = {
  name: "window_reverse",
  outputs(inputs, attributes): Shape[] {
    const { batch, size, channels, window } = attributes;
    checkCounts("join windows", inputs, [
      ["y", batch * windowCount(attributes) * window * window * channels],
      ["residual?", batch * size * size * channels],
    ]);
    return [[batch, size * size, channels]];
  },
  reference([y, residual], attributes): Float64Array[] {
    const { batch, size, channels } = attributes;
    const x = residual?.slice() ??
      new Float64Array(batch * size * size * channels);
    eachPair(attributes, (to, from) => x[to] += present(y)[from]);
    return [x];
  },
  gradient(node, [dx], needed) {
    const dy = needed[0]
      ? dx?.graph.apply(windowPartitionOp, [dx], node.attributes)[0]
      : undefined;
    return [dy, dx];
  },
  addend: 1,
};

/** Windows of one image. */
function windowCount({ size, window }: Attributes): number {
  return Math.ceil(size / window) ** 2;
}

/** Visits the index in x and in y of every number that is in both. */
function eachPair(
  { batch, size, channels, window, shift }: Attributes,
  visit: (inX: number, inY: number) => void,
): void {
  const side = Math.ceil(size / window);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const [row, column] = [(i + shift) % size, (j + shift) % size];
        const into = (b * side + Math.floor(i / window)) * side +
          Math.floor(j / window);
        const token = (into * window + i % window) * window + j % window;
        const from = (b * size + row) * size + column;
        for (let c = 0; c < channels; c++) {
          visit(from * channels + c, token * channels + c);
        }
      }
    }
  }
}

/** How a map is cut. */
export interface WindowOptions {
  /** Side of a window, in tokens. */
  window: number;
  /** In [0, window). */
  shift: number;
}

/**
 * Cuts a map into windows.
 *
 * @param x `[batch, size², channels]`, tokens in row-major order.
 * @returns `[batch · side², window², channels]`.
 * @throws {TypeError} If the tokens are no square or the shift is out of range.
 */
export function windowPartition(x: Value, options: WindowOptions): Value {
  const [batch, tokens, channels] = x.shape;
  const size = mapSide("cut windows", tokens);
  const attributes = { batch, size, channels, ...options };
  return x.graph.apply(windowPartitionOp, [x], attributes)[0];
}

/**
 * Undoes {@linkcode windowPartition}.
 *
 * @param y `[batch · side², window², channels]`.
 * @param options `batch` and `size`: of the map. `residual`: added,
 * `[batch, size², channels]`.
 * @returns `[batch, size², channels]`.
 */
export function windowReverse(
  y: Value,
  options: WindowOptions & { batch: number; size: number; residual?: Value },
): Value {
  const { residual, ...sizes } = options;
  const channels = y.shape[y.shape.length - 1];
  const attributes = { ...sizes, channels };
  return y.graph.apply(windowReverseOp, [y, residual], attributes)[0];
}
