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

/** `attention`. */
export const attention: Lower = (call) => {
  const { shape, tokens, size } = sizes(call);
  const own = call.own(
    SPARE_FLOATS + stripFloats(tokens, size) + stripFloats(size, tokens) +
      8 * size + stripFloats(tokens, 8) + 16 + stripFloats(size, 8),
  );
  const [qkv, o, lse] = [call.input(0), call.output(0), call.output(1)];
  return [["attention", qkv, o, lse, ...own, ...shape]];
};

/** `attention_gradient`. */
export const attentionGradient: Lower = (call) => {
  const { shape, tokens, size } = sizes(call);
  const eights = Math.ceil(tokens / 8) * 8;
  const own = call.own(
    SPARE_FLOATS + eights + 2 * stripFloats(tokens, size) +
      3 * stripFloats(size, tokens) + 8 * size + 2 * 8 * (eights + 8) +
      eights ** 2 + stripFloats(size, 8),
  );
  const inputs = [0, 1, 2, 3].map((index) => call.input(index));
  return [["attentionGradient", ...inputs, call.output(0), ...own, ...shape]];
};
