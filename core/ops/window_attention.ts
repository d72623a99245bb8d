/**
 * Self-attention within windows with a relative position bias, and its gradient.
 *
 * o = softmax(q kᵀ / √(width / heads) + bias + mask) v, per window and head. The
 * bias of a query and a key is the table's row for their distance, rows down
 * before columns right, (Δrow + window - 1) · (2 window - 1) + Δcolumn +
 * window - 1 with Δ = query - key. After a cyclic shift the last windows of a
 * row or column join tokens from opposite sides of the image; the mask is -100
 * between those.
 *
 * Shapes: qkv `[batch · side², window², 3 · width]` as q | k | v, each
 * head-major, with side = size / window rounded up; table
 * `[(2 window - 1)², heads]`; o `[batch · side², window², width]`; lse, the
 * log-sum-exp of the scores, `[batch · side², heads, window²]`. A head has a
 * multiple of 4 numbers.
 *
 * Source: Liu et al., Swin Transformer, 2021.
 *
 * @module
 */

import type { Attributes, Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** What stands for minus infinity between tokens that may not meet. */
const MASKED = -100;

/** The forward op. */
export const windowAttentionOp: Op = {
  name: "window_attention",
  flops: (attributes) => 4 * pairCount(attributes) * attributes.width,
  outputs(inputs, attributes): Shape[] {
    const { heads, width, window } = attributes;
    const [windows, tokens] = [windowTotal(attributes), window ** 2];
    checkCounts("attend within windows", inputs, [
      ["qkv", windows * tokens * 3 * width],
      ["table", (2 * window - 1) ** 2 * heads],
    ]);
    if (width % (4 * heads) !== 0) {
      throw new TypeError(
        `Cannot attend within windows: got width ${width} and ${heads} ` +
          `heads, wanted a multiple of 4 for each head`,
      );
    }
    return [[windows, tokens, width], [windows, heads, tokens]];
  },
  reference([qkv, table], attributes): Float64Array[] {
    const { heads, width, window } = attributes;
    const [windows, tokens] = [windowTotal(attributes), window ** 2];
    const [x, bias] = [present(qkv), present(table)];
    const o = new Float64Array(windows * tokens * width);
    const lse = new Float64Array(windows * heads * tokens);
    eachRow(attributes, (row) => {
      const scores = scoreRow(x, bias, row, attributes);
      const largest = Math.max(...scores);
      const sum = scores.reduce((s, e) => s + Math.exp(e - largest), 0);
      lse[row.lse] = largest + Math.log(sum);
      for (let key = 0; key < tokens; key++) {
        const p = Math.exp(scores[key] - lse[row.lse]);
        for (let c = 0; c < width / heads; c++) {
          o[row.o + c] += p * x[row.v + key * 3 * width + c];
        }
      }
    });
    return [o, lse];
  },
  gradient(node, [dy]) {
    const [qkv, table] = node.inputs;
    const [o, lse] = node.outputs;
    if (!dy || !qkv || !table) return [];
    const inputs = [dy, qkv, table, o, lse];
    return dy.graph.apply(windowAttentionGradientOp, inputs, node.attributes)
      .slice();
  },
};

/** The gradients towards qkv and the table. */
export const windowAttentionGradientOp: Op = {
  name: "window_attention_gradient",
  flops: (attributes) => 10 * pairCount(attributes) * attributes.width,
  outputs(inputs, attributes): Shape[] {
    const { heads, width, window } = attributes;
    const [windows, tokens] = [windowTotal(attributes), window ** 2];
    const distances = (2 * window - 1) ** 2;
    checkCounts("differentiate attention within windows", inputs, [
      ["dy", windows * tokens * width],
      ["qkv", windows * tokens * 3 * width],
      ["table", distances * heads],
      ["o", windows * tokens * width],
      ["lse", windows * heads * tokens],
    ]);
    return [[windows, tokens, 3 * width], [distances, heads]];
  },
  reference([dy, qkv, table, o, lse], attributes): Float64Array[] {
    const { heads, width, window } = attributes;
    const [g, x, y] = [present(dy), present(qkv), present(o)];
    const size = width / heads;
    const dqkv = new Float64Array(x.length);
    const dtable = new Float64Array(present(table).length);
    eachRow(attributes, (row) => {
      const scores = scoreRow(x, present(table), row, attributes);
      for (let key = 0; key < window ** 2; key++) {
        const step = key * 3 * width;
        const p = Math.exp(scores[key] - present(lse)[row.lse]);
        let slope = 0; // dp - Σ do · o, since o = Σ p v
        for (let c = 0; c < size; c++) {
          slope += g[row.o + c] * (x[row.v + step + c] - y[row.o + c]);
        }
        const ds = p * slope;
        dtable[biasIndex(row, key, attributes)] += ds;
        for (let c = 0; c < size; c++) {
          dqkv[row.v + step + c] += p * g[row.o + c];
          dqkv[row.q + c] += ds * x[row.k + step + c] / Math.sqrt(size);
          dqkv[row.k + step + c] += ds * x[row.q + c] / Math.sqrt(size);
        }
      }
    });
    return [dqkv, dtable];
  },
};

/** A query of one head: itself, and where its numbers and its window's lie. */
interface Row {
  readonly window: number;
  readonly head: number;
  readonly query: number;
  readonly q: number;
  readonly k: number;
  readonly v: number;
  readonly o: number;
  readonly lse: number;
}

function windowTotal({ batch, size, window }: Attributes): number {
  return batch * Math.ceil(size / window) ** 2;
}

/** Pairs of tokens that attend to each other. */
function pairCount(attributes: Attributes): number {
  return windowTotal(attributes) * attributes.window ** 4;
}

function eachRow(attributes: Attributes, visit: (row: Row) => void): void {
  const { heads, width, window: side } = attributes;
  const tokens = side * side;
  for (let window = 0; window < windowTotal(attributes); window++) {
    for (let head = 0; head < heads; head++) {
      const at = window * tokens * 3 * width + head * width / heads;
      for (let query = 0; query < tokens; query++) {
        visit({
          window,
          head,
          query,
          q: at + query * 3 * width,
          k: at + width,
          v: at + 2 * width,
          o: (window * tokens + query) * width + head * width / heads,
          lse: (window * heads + head) * tokens + query,
        });
      }
    }
  }
}

function biasIndex(
  { query, head }: Row,
  key: number,
  { window, heads }: Attributes,
): number {
  const down = Math.floor(query / window) - Math.floor(key / window);
  const right = query % window - key % window;
  const distance = (down + window - 1) * (2 * window - 1) + right + window - 1;
  return distance * heads + head;
}

/** Whether the shift joined the two from opposite sides of the image. */
function isMasked(
  { window: index, query }: Row,
  key: number,
  { size, window, shift }: Attributes,
): boolean {
  const side = Math.ceil(size / window);
  const wrapped = (position: number): boolean => position >= window - shift;
  const rows = wrapped(Math.floor(query / window)) !==
    wrapped(Math.floor(key / window));
  const columns = wrapped(query % window) !== wrapped(key % window);
  const lastRow = Math.floor(index / side) % side === side - 1;
  const lastColumn = index % side === side - 1;
  return shift > 0 && (lastRow && rows || lastColumn && columns);
}

function scoreRow(
  qkv: Float64Array,
  table: Float64Array,
  row: Row,
  attributes: Attributes,
): Float64Array {
  const { heads, width, window } = attributes;
  const size = width / heads;
  return Float64Array.from({ length: window ** 2 }, (_, key) => {
    let dot = 0;
    for (let c = 0; c < size; c++) {
      dot += qkv[row.q + c] * qkv[row.k + key * 3 * width + c];
    }
    return dot / Math.sqrt(size) + table[biasIndex(row, key, attributes)] +
      (isMasked(row, key, attributes) ? MASKED : 0);
  });
}

/** The sizes of {@linkcode windowAttention} that its operands do not have. */
export interface WindowAttentionOptions {
  /** Images. */
  batch: number;
  /** Side of the map that was cut, in tokens. */
  size: number;
  /** Divides the width by a multiple of 4. */
  heads: number;
  /** Side of a window, in tokens. */
  window: number;
  /** By how much the map was shifted. */
  shift: number;
}

/**
 * Attends within each window.
 *
 * @param qkv `[batch · side², window², 3 · width]`.
 * @param table `[(2 window - 1)², heads]`.
 * @returns `[batch · side², window², width]`.
 * @throws {TypeError} If the sizes do not agree.
 */
export function windowAttention(
  qkv: Value,
  table: Value,
  options: WindowAttentionOptions,
): Value {
  const attributes = { ...options, width: qkv.shape[2] / 3 };
  return qkv.graph.apply(windowAttentionOp, [qkv, table], attributes)[0];
}
