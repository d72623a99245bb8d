/**
 * Attention and its gradient.
 *
 * @module
 */

import {
  type Lower,
  type Lowering,
  SPARE_FLOATS,
  stripFloats,
} from "./lowering.ts";

function sizes(call: Lowering) {
  const shape = call.attributes("batch", "tokens", "heads", "width");
  const [, tokens, heads, width] = shape;
  return { shape, tokens, size: width / heads };
}

/** Queries that a BLAS library works on at once. */
const QUERIES = 256;

/** Rows and floats a row of the scores that lie between products. */
function scoreSizes(tokens: number): [rows: number, ld: number] {
  return [Math.min(tokens, QUERIES), Math.ceil(tokens / 4) * 4];
}

/** `attention`. */
export const attention: Lower = (call) => {
  const { shape, tokens, size } = sizes(call);
  const [qkv, o, lse] = [call.input(0), call.output(0), call.output(1)];
  if (call.blas) {
    const [rows, ld] = scoreSizes(tokens);
    const own = call.own(rows * ld);
    return [["blasAttention", qkv, o, lse, ...own, rows, ld, ...shape]];
  }
  const own = call.own(
    SPARE_FLOATS + stripFloats(tokens, size) + stripFloats(size, tokens) +
      8 * size + stripFloats(tokens, 8) + 16 + stripFloats(size, 8),
  );
  return [["attention", qkv, o, lse, ...own, ...shape]];
};

/** `attention_gradient`. */
export const attentionGradient: Lower = (call) => {
  const { shape, tokens, size } = sizes(call);
  const inputs = [0, 1, 2, 3].map((index) => call.input(index));
  const y = call.output(0);
  if (call.blas) {
    const [rows, ld] = scoreSizes(tokens);
    const own = call.own(2 * rows * ld);
    return [[
      "blasAttentionGradient",
      ...inputs,
      y,
      ...own,
      rows,
      ld,
      ...shape,
    ]];
  }
  const eights = Math.ceil(tokens / 8) * 8;
  const own = call.own(
    SPARE_FLOATS + eights + 2 * stripFloats(tokens, size) +
      3 * stripFloats(size, tokens) + 8 * size + 2 * 8 * (eights + 8) +
      eights ** 2 + stripFloats(size, 8),
  );
  return [["attentionGradient", ...inputs, y, ...own, ...shape]];
};
