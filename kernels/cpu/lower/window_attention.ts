/**
 * Attention within windows and its gradients.
 *
 * @module
 */

import {
  type Lower,
  type Lowering,
  panelFloats,
  SPARE_FLOATS,
  stripFloats,
} from "./lowering.ts";

/** Windows whose sums of dS are added up by one thread, and the most sums. */
const CHUNK = 8;
const MAX_CHUNKS = 128;

function sizes(call: Lowering) {
  const shape = call.attributes(
    "batch",
    "size",
    "heads",
    "width",
    "window",
    "shift",
  );
  const [batch, size, heads, width, window] = shape;
  const tokens = window ** 2;
  const windows = batch * Math.ceil(size / window) ** 2;
  // A row of scores is filled up to whole panels.
  const matrix = tokens * Math.ceil(tokens / 8) * 8;
  const columns = width / heads;
  const packed = stripFloats(tokens, Math.max(columns, tokens)) +
    Math.max(panelFloats(columns, tokens), panelFloats(tokens, columns));
  return { shape, tokens, windows, matrix, heads, packed };
}

/** `window_attention`. */
export const windowAttention: Lower = (call) => {
  const { shape, matrix, packed } = sizes(call);
  const own = call.own(SPARE_FLOATS + packed + 5 * matrix);
  const operands = [0, 1].map((index) => call.input(index))
    .concat([0, 1].map((index) => call.output(index)));
  return [["windowAttention", ...operands, ...own, ...shape]];
};

/** `window_attention_gradient`. */
export const windowAttentionGradient: Lower = (call) => {
  const { shape, tokens, windows, matrix, heads, packed } = sizes(call);
  const chunk = Math.max(CHUNK, Math.ceil(windows / MAX_CHUNKS));
  const chunks = Math.ceil(windows / chunk);
  const own = call.own(SPARE_FLOATS + packed + 6 * matrix);
  const inputs = [0, 1, 2, 3, 4].map((index) => call.input(index));
  const dqkv = call.output(0) || call.scratch(3 * windows * tokens * shape[3]);
  const dtable = call.output(1);
  const sums = dtable ? call.scratch(heads * chunks * matrix) : 0;
  const gradient = ["windowAttentionGradient", ...inputs, dqkv, sums] as const;
  const table = ["windowTableGradient", sums, dtable] as const;
  const window = call.attribute("window");
  return dtable
    ? [
      [...gradient, ...own, chunk, ...shape],
      [...table, ...own, chunks, heads, window],
    ]
    : [[...gradient, ...own, chunk, ...shape]];
};
