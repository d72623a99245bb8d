/// <reference path="./globals.d.ts" />
/**
 * Attention without the probability matrix: each thread takes (image, head)
 * pairs, packs keys and values, and works on a block of queries at a time.
 */

import { log } from "./elementary.ts";
import { packColumns, packRows, panelFloats } from "./panels.ts";
import { product } from "./product.ts";
import { at, share } from "./simd.ts";
import { rowExp, rowMax } from "./softmax.ts";

/** Queries of a block: a multiple of 6 and of 4. */
export const QUERIES: i32 = 48;

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

/** o (B, T, d) and lse (B, H, T; may be 0) from qkv (B, T, 3d). */
export function attention(
  qkv: usize,
  o: usize,
  lse: usize,
  own: usize,
  ownBytes: i32,
  batch: i32,
  tokens: i32,
  heads: i32,
  width: i32,
  thread: i32,
  threads: i32,
): void {
  own += <usize> thread * <usize> ownBytes;
  const size = width / heads;
  const ld = <usize> width * 12, ldo = <usize> width << 2;
  const padded = (tokens + 7) & ~7;
  const keys = own + 256;
  const values = at(keys, panelFloats(size, tokens));
  const scores = at(values, panelFloats(tokens, size));
  const scale: f32 = 1 / sqrt<f32>(<f32> size);
  const end = share(batch * heads, thread + 1, threads);
  for (let i = share(batch * heads, thread, threads); i < end; i++) {
    const image = i / heads, head = i % heads;
    const q = at(qkv, image * tokens * 3 * width + head * size);
    const to = at(o, image * tokens * width + head * size);
    packTransposed(at(q, width), ld, tokens, size, keys);
    packPlain(at(q, 2 * width), ld, tokens, size, values);
    for (let t: i32 = 0; t < tokens; t += QUERIES) {
      const rows = min(tokens - t, QUERIES);
      const from = q + <usize> t * ld, y = to + <usize> t * ldo;
      const logs = lse ? at(lse, i * tokens + t) : 0;
      const lds = <usize> padded << 2;
      // deno-fmt-ignore
      product(from, ld, keys, rows, padded, size, scores, lds, false, own);
      const sums = at(scores, QUERIES * padded);
      softmaxRows(scores, lds, rows, tokens, scale, sums, logs);
      product(scores, lds, values, rows, size, tokens, y, ldo, false, own);
      divideRows(y, ldo, rows, size, sums);
    }
  }
}

/** Scores to exp(scale·(s - max)), their sums, and lse if it is not 0. */
function softmaxRows(
  scores: usize,
  ld: usize,
  rows: i32,
  tokens: i32,
  scale: f32,
  sums: usize,
  lse: usize,
): void {
  for (let i: i32 = 0; i < rows; i++) {
    const top = rowMax(scores, tokens);
    const sum = rowExp(scores, scores, tokens, scale, top);
    store<f32>(at(sums, i), sum);
    if (lse) {
      store<f32>(at(lse, i), <f32> (<f64> top * <f64> scale + log(<f64> sum)));
    }
    scores += ld;
  }
}

/** Divides each row by its sum. */
function divideRows(
  y: usize,
  ld: usize,
  rows: i32,
  size: i32,
  sums: usize,
): void {
  for (let i: i32 = 0; i < rows; i++) {
    const factor: f32 = 1 / load<f32>(at(sums, i));
    let j: i32 = 0;
    for (; j + 4 <= size; j += 4) {
      const value = f32x4.mul(v128.load(at(y, j)), f32x4.splat(factor));
      v128.store(at(y, j), value);
    }
    for (; j < size; j++) store<f32>(at(y, j), load<f32>(at(y, j)) * factor);
    y += ld;
  }
}
