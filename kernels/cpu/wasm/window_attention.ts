/// <reference path="./globals.d.ts" />
/** Attention within windows, with a bias by relative position. */

import { exp4, log } from "./elementary.ts";
import { packColumns, packRows, panelFloats } from "./panels.ts";
import { product } from "./product.ts";
import { at, maxLanes, share, sumLanes } from "./simd.ts";
import { packStrips, stripFloats } from "./strips.ts";

/** The score of a column that only fills up a row; its exponential is 0. */
const NEVER: f32 = -1e30;

/** What keeps apart tokens that a shift joined. */
const MASKED: f32 = -100;

/**
 * The biases (w², padded) of a head: without a mask, and with a shift also
 * masked for windows of the last row, the last column, and both.
 */
export function buildBiases(
  table: usize,
  heads: i32,
  head: i32,
  window: i32,
  shift: i32,
  padded: i32,
  biases: usize,
): void {
  const tokens = window * window, kept = window - shift;
  const kinds = shift ? 4 : 1;
  for (let kind: i32 = 0; kind < kinds; kind++) {
    for (let query: i32 = 0; query < tokens; query++) {
      const qi = query / window, qj = query % window;
      for (let key: i32 = 0; key < padded; key++) {
        const ki = key / window, kj = key % window;
        const down = qi - ki + window - 1, right = qj - kj + window - 1;
        let value = NEVER;
        if (key < tokens) {
          const distance = down * (2 * window - 1) + right;
          value = load<f32>(at(table, distance * heads + head));
          const rows = (kind & 1) != 0 && (qi >= kept) != (ki >= kept);
          const columns = (kind & 2) != 0 && (qj >= kept) != (kj >= kept);
          if (rows || columns) value += MASKED;
        }
        store<f32>(biases, value);
        biases += 4;
      }
    }
  }
}

/** Packs `count` rows of `width` as the B of A·Bᵀ. */
export function packTransposed(
  x: usize,
  ld: usize,
  count: i32,
  width: i32,
  panels: usize,
): void {
  for (let j: i32 = 0; j < count; j += 8) {
    const from = x + <usize> j * ld;
    packRows(from, ld, min(count - j, 8), width, at(panels, j * width));
  }
}

/** Packs `count` rows of `width` as the B of A·B. */
export function packPlain(
  x: usize,
  ld: usize,
  count: i32,
  width: i32,
  panels: usize,
): void {
  for (let j: i32 = 0; j < width; j += 8) {
    packColumns(at(x, j), ld, min(width - j, 8), count, at(panels, j * count));
  }
}

/** Which of the biases a window has, by its number. */
// @inline
export function biasKind(index: i32, side: i32, shift: i32): i32 {
  if (shift == 0) return 0;
  const lastRow = index / side % side == side - 1;
  const lastColumn = index % side == side - 1;
  return (lastRow ? 1 : 0) + (lastColumn ? 2 : 0);
}

/** o (windows, w², d) and lse (windows, H, w²; may be 0) from qkv. */
export function windowAttention(
  qkv: usize,
  table: usize,
  o: usize,
  lse: usize,
  own: usize,
  ownBytes: i32,
  batch: i32,
  size: i32,
  heads: i32,
  width: i32,
  window: i32,
  shift: i32,
  thread: i32,
  threads: i32,
): void {
  own += <usize> thread * <usize> ownBytes;
  const side = (size + window - 1) / window, windows = batch * side * side;
  const tokens = window * window, columns = width / heads;
  const padded = (tokens + 7) & ~7;
  const ld = <usize> width * 12, ldo = <usize> width << 2;
  const lds = <usize> padded << 2;
  const panels = own + 256;
  const room = max(panelFloats(columns, tokens), panelFloats(tokens, columns));
  const strips = at(panels, room);
  const scores = at(strips, stripFloats(tokens, max(columns, tokens)));
  const biases = at(scores, tokens * padded);
  const scale: f32 = 1 / sqrt<f32>(<f32> columns);
  const end = share(heads * windows, thread + 1, threads);
  let built: i32 = -1;
  for (let i = share(heads * windows, thread, threads); i < end; i++) {
    const head = i / windows, index = i % windows;
    if (head != built) {
      buildBiases(table, heads, head, window, shift, padded, biases);
      built = head;
    }
    const bias = at(biases, biasKind(index, side, shift) * tokens * padded);
    const q = at(qkv, index * tokens * 3 * width + head * columns);
    packStrips(q, ld, tokens, columns, strips);
    packTransposed(at(q, width), ld, tokens, columns, panels);
    // deno-fmt-ignore
    product(strips, panels, tokens, padded, columns, scores, lds, false, own);
    const logs = lse ? at(lse, (index * heads + head) * tokens) : 0;
    softmaxBiased(scores, bias, tokens, padded, scale, logs);
    const to = at(o, index * tokens * width + head * columns);
    packStrips(scores, lds, tokens, tokens, strips);
    packPlain(at(q, 2 * width), ld, tokens, columns, panels);
    product(strips, panels, tokens, columns, tokens, to, ldo, false, own);
  }
}

/** Scores (rows, padded) to softmax(scale·s + bias), and lse if it is not 0. */
function softmaxBiased(
  scores: usize,
  bias: usize,
  rows: i32,
  padded: i32,
  scale: f32,
  lse: usize,
): void {
  const factor = f32x4.splat(scale);
  for (let i: i32 = 0; i < rows; i++) {
    let top = f32x4.splat(NEVER);
    for (let j: i32 = 0; j < padded; j += 4) {
      const scaled = f32x4.mul(v128.load(at(scores, j)), factor);
      const value = f32x4.add(scaled, v128.load(at(bias, j)));
      v128.store(at(scores, j), value);
      top = f32x4.max(top, value);
    }
    const largest = maxLanes(top);
    let sum = f32x4.splat(0);
    for (let j: i32 = 0; j < padded; j += 4) {
      const shifted = f32x4.sub(v128.load(at(scores, j)), f32x4.splat(largest));
      const value = exp4(shifted);
      v128.store(at(scores, j), value);
      sum = f32x4.add(sum, value);
    }
    const total = sumLanes(sum);
    if (lse) {
      store<f32>(at(lse, i), <f32> (<f64> largest + log(<f64> total)));
    }
    const share4 = f32x4.splat(1 / total);
    for (let j: i32 = 0; j < padded; j += 4) {
      v128.store(
        at(scores, j),
        f32x4.mul(v128.load(at(scores, j)), share4),
      );
    }
    scores = at(scores, padded);
    bias = at(bias, padded);
  }
}
