/**
 * Attention and its gradient.
 *
 * @module
 */

import {
  type Lower,
  type Lowering,
  panelFloats,
  SPARE_FLOATS,
} from "./lowering.ts";

/** Queries that the kernels work on at once. */
const QUERIES = 48;

function sizes(call: Lowering) {
  const shape = call.attributes("batch", "tokens", "heads", "width");
  const [, tokens, heads, width] = shape;
  return { shape, tokens, size: width / heads };
}

/** `attention`. */
export const attention: Lower = (call) => {
  const { shape, tokens, size } = sizes(call);
  const padded = Math.ceil(tokens / 8) * 8;
  const own = call.own(
    SPARE_FLOATS + panelFloats(size, tokens) + panelFloats(tokens, size) +
      QUERIES * (padded + 1),
  );
  const [qkv, o, lse] = [call.input(0), call.output(0), call.output(1)];
  return [["attention", qkv, o, lse, ...own, ...shape]];
};

/** `attention_gradient`. */
export const attentionGradient: Lower = (call) => {
  const { shape, tokens, size } = sizes(call);
  const padded = Math.ceil(tokens / 8) * 8;
  const own = call.own(
    SPARE_FLOATS + 2 * panelFloats(size, tokens) + panelFloats(tokens, size) +
      QUERIES * (2 * padded + tokens) + panelFloats(QUERIES, size),
  );
  const inputs = [0, 1, 2, 3].map((index) => call.input(index));
  return [["attentionGradient", ...inputs, call.output(0), ...own, ...shape]];
};
