/**
 * Class token, position embedding, and choosing tokens.
 *
 * Shapes: tokens `[batch, tokens, width]`.
 *
 * @module
 */

import type { Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";
import { columnSum } from "./column_sum.ts";

/** The op concat(cls, x) + pos, with `tokens` counting the class token. */
export const embedTokensOp: Op = {
  name: "embed_tokens",
  outputs(inputs, { batch, tokens, width }): Shape[] {
    checkCounts("embed tokens", inputs, [
      ["x", batch * (tokens - 1) * width],
      ["cls", width],
      ["pos", tokens * width],
    ]);
    return [[batch, tokens, width]];
  },
  reference([x, cls, pos], { batch, tokens, width }): Float64Array[] {
    const [v, first, p] = [present(x), present(cls), present(pos)];
    const y = new Float64Array(batch * tokens * width);
    for (let b = 0; b < batch; b++) {
      for (let i = 0; i < tokens * width; i++) {
        const token = i < width
          ? first[i]
          : v[b * (tokens - 1) * width + i - width];
        y[b * tokens * width + i] = token + p[i];
      }
    }
    return [y];
  },
  gradient(node, [dy], needed) {
    const [x, cls, pos] = node.inputs;
    const { batch, tokens, width } = node.attributes;
    if (!dy || !x || !cls || !pos) return [];
    const graph = dy.graph;
    const sum = needed[1] || needed[2]
      ? graph.reshape(columnSum(dy, batch, tokens * width), [1, tokens, width])
      : undefined;
    return [
      needed[0] ? takeTokens(dy, 1, tokens - 1) : undefined,
      sum && needed[1] ? takeTokens(sum, 0, 1) : undefined,
      sum,
    ];
  },
};

/** The op y = x[:, start : start + count]. */
export const takeTokensOp: Op = {
  name: "take_tokens",
  outputs([x], { batch, tokens, width, start, count }): Shape[] {
    checkCounts("take tokens", [x], [["x", batch * tokens * width]]);
    if (start < 0 || count < 1 || start + count > tokens) {
      throw new TypeError(
        `Cannot take tokens: got ${start} to ${start + count}, wanted a ` +
          `range within 0 to ${tokens}`,
      );
    }
    return [[batch, count, width]];
  },
  reference([x], { batch, tokens, width, start, count }): Float64Array[] {
    const v = present(x);
    const y = new Float64Array(batch * count * width);
    for (let b = 0; b < batch; b++) {
      const from = (b * tokens + start) * width;
      y.set(v.subarray(from, from + count * width), b * count * width);
    }
    return [y];
  },
  gradient(node, [dy]) {
    if (!dy) return [];
    const inputs = [dy, undefined];
    return dy.graph.apply(padTokensOp, inputs, node.attributes).slice();
  },
};

/** The op y = zeros, y[:, start : start + count] = x, plus an addend like y. */
export const padTokensOp: Op = {
  name: "pad_tokens",
  outputs(inputs, { batch, tokens, width, count }): Shape[] {
    checkCounts("pad tokens", inputs, [
      ["x", batch * count * width],
      ["addend?", batch * tokens * width],
    ]);
    return [[batch, tokens, width]];
  },
  reference([x, addend], attributes): Float64Array[] {
    const { batch, tokens, width, start, count } = attributes;
    const v = present(x);
    const y = addend?.slice() ?? new Float64Array(batch * tokens * width);
    for (let b = 0; b < batch; b++) {
      for (let i = 0; i < count * width; i++) {
        y[(b * tokens + start) * width + i] += v[b * count * width + i];
      }
    }
    return [y];
  },
  gradient(node, [dy], needed) {
    const { start, count } = node.attributes;
    if (!dy) return [];
    return [needed[0] ? takeTokens(dy, start, count) : undefined, dy];
  },
  addend: 1,
};

/**
 * Puts the class token in front and adds the position embedding.
 *
 * @param x `[batch, tokens - 1, width]`.
 * @param cls `[1, 1, width]`.
 * @param pos `[1, tokens, width]`.
 * @returns `[batch, tokens, width]`.
 */
export function embedTokens(x: Value, cls: Value, pos: Value): Value {
  const [batch, patches, width] = x.shape;
  const attributes = { batch, tokens: patches + 1, width };
  return x.graph.apply(embedTokensOp, [x, cls, pos], attributes)[0];
}

/**
 * Takes a range of tokens.
 *
 * @param x `[batch, tokens, width]`.
 * @returns `[batch, count, width]`.
 * @throws {TypeError} If the range is not within the tokens.
 */
export function takeTokens(x: Value, start: number, count: number): Value {
  const [batch, tokens, width] = x.shape;
  const attributes = { batch, tokens, width, start, count };
  return x.graph.apply(takeTokensOp, [x], attributes)[0];
}

/**
 * Puts tokens among zeros.
 *
 * @param x `[batch, count, width]`.
 * @returns `[batch, tokens, width]`, x from `start` on.
 */
export function padTokens(x: Value, start: number, tokens: number): Value {
  const [batch, count, width] = x.shape;
  const attributes = { batch, tokens, width, start, count };
  return x.graph.apply(padTokensOp, [x, undefined], attributes)[0];
}

/**
 * Adds to a range of tokens.
 *
 * @param whole `[batch, tokens, width]`.
 * @param part `[batch, count, width]`.
 * @param start The first token that it is added to.
 * @returns Shaped like the whole.
 */
export function addTokens(whole: Value, part: Value, start: number): Value {
  const [batch, tokens, width] = whole.shape;
  const count = part.shape[1];
  const attributes = { batch, tokens, width, start, count };
  return whole.graph.apply(padTokensOp, [part, whole], attributes)[0];
}
