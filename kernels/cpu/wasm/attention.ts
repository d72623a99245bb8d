/// <reference path="./globals.d.ts" />
/**
 * Attention without the probability matrix: each thread takes (image, head)
 * pairs, and eight queries at a time. Their scores lie as a panel, a row for
 * each key and a column for each query, so that softmax runs down the columns
 * and the result is the operand of the product with the values.
 */

import { take } from "./barrier.ts";
import { exp4, log } from "./elementary.ts";
import { packRows, storeColumns } from "./panels.ts";
import { product } from "./product.ts";
import { at } from "./simd.ts";
import {
  packStrips,
  packStripsTransposed,
  stripFloats,
  stripRows,
} from "./strips.ts";

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
  _threads: i32,
): void {
  own += <usize> thread * <usize> ownBytes;
  const size = width / heads;
  for (let i = take(); i < batch * heads; i = take()) {
    const image = i / heads, head = i % heads;
    const q = at(qkv, image * tokens * 3 * width + head * size);
    const to = at(o, image * tokens * width + head * size);
    headAttention(
      q,
      to,
      lse ? at(lse, i * tokens) : 0,
      own,
      tokens,
      size,
      width,
    );
  }
}

/** One head of one image. */
function headAttention(
  q: usize,
  o: usize,
  lse: usize,
  own: usize,
  tokens: i32,
  size: i32,
  width: i32,
): void {
  const ld = <usize> width * 12, ldo = <usize> width << 2;
  const keys = own + 256;
  const values = at(keys, stripFloats(tokens, size));
  const queries = at(values, stripFloats(size, tokens));
  const scores = at(queries, 8 * size);
  const sums = at(scores, 8 * stripRows(tokens));
  const result = at(sums, 16);
  const scale: f32 = 1 / sqrt<f32>(<f32> size);
  packStrips(at(q, width), ld, tokens, size, keys);
  packStripsTransposed(at(q, 2 * width), ld, size, tokens, values);
  for (let t: i32 = 0; t < tokens; t += 8) {
    const columns = min(tokens - t, 8);
    packRows(q + <usize> t * ld, ld, columns, size, queries);
    const rows = stripRows(tokens), channels = stripRows(size);
    product(keys, queries, rows, 8, size, scores, 32, false, own);
    softmaxColumns(scores, tokens, scale, sums);
    if (lse) storeLogs(sums, scale, at(lse, t), columns);
    product(values, scores, channels, 8, tokens, result, 32, false, own);
    divideColumns(result, size, sums);
    storeColumns(result, size, columns, o + <usize> t * ldo, ldo);
  }
}

/**
 * A panel (rows, 8) of scores s to exp(scale·(s - max)) by columns; the 8 sums,
 * and behind them the 8 maxima, go to `sums`.
 */
function softmaxColumns(
  panel: usize,
  rows: i32,
  scale: f32,
  sums: usize,
): void {
  let top0 = f32x4.splat(-Infinity), top1 = top0;
  const end = panel + (<usize> rows << 5);
  for (let x = panel; x < end; x += 32) {
    top0 = f32x4.max(top0, v128.load(x));
    top1 = f32x4.max(top1, v128.load(x, 16));
  }
  const factor = f32x4.splat(scale);
  let sum0 = f32x4.splat(0), sum1 = sum0;
  for (let x = panel; x < end; x += 32) {
    const left = exp4(f32x4.mul(f32x4.sub(v128.load(x), top0), factor));
    v128.store(x, left);
    sum0 = f32x4.add(sum0, left);
    const right = exp4(f32x4.mul(f32x4.sub(v128.load(x, 16), top1), factor));
    v128.store(x, right, 16);
    sum1 = f32x4.add(sum1, right);
  }
  v128.store(sums, sum0);
  v128.store(sums, sum1, 16);
  v128.store(sums, top0, 32);
  v128.store(sums, top1, 48);
}

/** lse = scale·max + log(sum) of `columns` queries. */
function storeLogs(sums: usize, scale: f32, lse: usize, columns: i32): void {
  for (let j: i32 = 0; j < columns; j++) {
    const sum = load<f32>(at(sums, j)), top = load<f32>(at(sums, 8 + j));
    const value = <f64> top * <f64> scale + log(<f64> sum);
    store<f32>(at(lse, j), <f32> value);
  }
}

/** Divides each column of a panel (rows, 8) by its sum. */
function divideColumns(panel: usize, rows: i32, sums: usize): void {
  const one = f32x4.splat(1);
  const left = f32x4.div(one, v128.load(sums));
  const right = f32x4.div(one, v128.load(sums, 16));
  const end = panel + (<usize> rows << 5);
  for (let x = panel; x < end; x += 32) {
    v128.store(x, f32x4.mul(v128.load(x), left));
    v128.store(x, f32x4.mul(v128.load(x, 16), right), 16);
  }
}
