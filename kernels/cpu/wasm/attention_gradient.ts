/// <reference path="./globals.d.ts" />
/**
 * The gradient of attention; probabilities are made anew from lse.
 *
 * Each thread takes (image, head) pairs, and eight keys at a time: their
 * probabilities P and slopes dS are panels, a row for each query and a column
 * for each key, and as such operands of the products that give dV and dK. The
 * slopes are kept transposed, eight queries to a panel, for dQ.
 */

import { dot } from "./attention_rows.ts";
import { take } from "./barrier.ts";
import { exp4 } from "./elementary.ts";
import { packRows, storeColumns, transpose4 } from "./panels.ts";
import { product } from "./product.ts";
import { at, madd } from "./simd.ts";
import {
  packStrips,
  packStripsTransposed,
  stripFloats,
  stripRows,
} from "./strips.ts";

/** dqkv (B, T, 3d) from do (B, T, d), qkv, o and lse (B, H, T). */
export function attentionGradient(
  dy: usize,
  qkv: usize,
  o: usize,
  lse: usize,
  dqkv: usize,
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
  const delta = own + 256;
  for (let i = take(); i < batch * heads; i = take()) {
    const image = i / heads, head = i % heads;
    const token = image * tokens * width, column = head * size;
    const slopes = at(dy, token + column), q = at(qkv, token * 3 + column);
    rowDots(slopes, at(o, token + column), tokens, size, width, delta);
    const logs = at(lse, i * tokens), dq = at(dqkv, token * 3 + column);
    headGradient(slopes, q, logs, dq, own, tokens, size, width);
  }
}

/** One head of one image; the dots of do and o lie behind the spare tile. */
function headGradient(
  dy: usize,
  q: usize,
  lse: usize,
  dq: usize,
  own: usize,
  tokens: i32,
  size: i32,
  width: i32,
): void {
  const ld = <usize> width * 12, ldo = <usize> width << 2;
  const rows = stripRows(tokens), channels = stripRows(size);
  const eights = (tokens + 7) & ~7;
  const delta = own + 256;
  const queries = at(delta, eights);
  const slopes = at(queries, stripFloats(tokens, size));
  const queriesT = at(slopes, stripFloats(tokens, size));
  const slopesT = at(queriesT, stripFloats(size, tokens));
  const keysT = at(slopesT, stripFloats(size, tokens));
  const panel = at(keysT, stripFloats(size, tokens));
  const p = at(panel, 8 * size);
  const ds = at(p, 8 * (eights + 8));
  const dsT = at(ds, 8 * (eights + 8));
  const result = at(dsT, eights * eights);
  const scale: f32 = 1 / sqrt<f32>(<f32> size);
  packStrips(q, ld, tokens, size, queries);
  packStrips(dy, ldo, tokens, size, slopes);
  packStripsTransposed(q, ld, size, tokens, queriesT);
  packStripsTransposed(dy, ldo, size, tokens, slopesT);
  packStripsTransposed(at(q, width), ld, size, tokens, keysT);
  for (let t: i32 = 0; t < tokens; t += 8) {
    const columns = min(tokens - t, 8);
    const offset = <usize> t * ld;
    packRows(at(q, width) + offset, ld, columns, size, panel);
    product(queries, panel, rows, 8, size, p, 32, false, own);
    packRows(at(q, 2 * width) + offset, ld, columns, size, panel);
    product(slopes, panel, rows, 8, size, ds, 32, false, own);
    slopePanel(p, ds, lse, delta, tokens, scale);
    product(slopesT, p, channels, 8, tokens, result, 32, false, own);
    storeColumns(result, size, columns, at(dq, 2 * width) + offset, ld);
    product(queriesT, ds, channels, 8, tokens, result, 32, false, own);
    storeColumns(result, size, columns, at(dq, width) + offset, ld);
    for (let u: i32 = 0; u < tokens; u += 8) {
      transpose8(at(ds, u * 8), at(dsT, u * eights + t * 8));
    }
  }
  for (let u: i32 = 0; u < tokens; u += 8) {
    const slope = at(dsT, u * eights);
    product(keysT, slope, channels, 8, tokens, result, 32, false, own);
    storeColumns(result, size, min(tokens - u, 8), dq + <usize> u * ld, ld);
  }
}

/** Panels of scores and dP to P and dS = P·(dP - delta)·scale. */
function slopePanel(
  p: usize,
  ds: usize,
  lse: usize,
  delta: usize,
  rows: i32,
  scale: f32,
): void {
  const factor = f32x4.splat(scale);
  const none = f32x4.splat(0);
  const end = p + (<usize> rows << 5);
  while (p < end) {
    const shift = f32x4.sub(none, v128.load32_splat(lse));
    const dot = v128.load32_splat(delta);
    const left = exp4(madd(v128.load(p), factor, shift));
    v128.store(p, left);
    const slope = f32x4.sub(v128.load(ds), dot);
    v128.store(ds, f32x4.mul(slope, f32x4.mul(left, factor)));
    const right = exp4(madd(v128.load(p, 16), factor, shift));
    v128.store(p, right, 16);
    const slope1 = f32x4.sub(v128.load(ds, 16), dot);
    v128.store(ds, f32x4.mul(slope1, f32x4.mul(right, factor)), 16);
    p += 32;
    ds += 32;
    lse += 4;
    delta += 4;
  }
}

/** Transposes a block of 8 by 8; rows lie 8 floats apart. */
function transpose8(from: usize, to: usize): void {
  transpose4(from, 32, to, 32);
  transpose4(from + 16, 32, to + 128, 32);
  transpose4(from + 128, 32, to + 16, 32);
  transpose4(from + 144, 32, to + 144, 32);
}

/** Σ a·b of each row of `n` floats. */
function rowDots(
  a: usize,
  b: usize,
  rows: i32,
  n: i32,
  width: i32,
  dots: usize,
): void {
  for (let i: i32 = 0; i < rows; i++) {
    store<f32>(at(dots, i), dot(a, b, n));
    a = at(a, width);
    b = at(b, width);
  }
}
