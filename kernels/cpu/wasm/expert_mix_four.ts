/// <reference path="./globals.d.ts" />
/** The mixing of four experts of rank four: a row is 16 vectors, [chunk, e]. */

import { madd, sumLanes } from "./simd.ts";

/** Bytes of a row, and from one chunk of it to the next. */
const ROW: usize = 256;
const CHUNK: usize = 64;

/** Σ over the chunks of a row of factors times the vectors of one expert. */
// @inline
function mixed(
  x0: v128,
  x1: v128,
  x2: v128,
  x3: v128,
  s0: v128,
  s1: v128,
  s2: v128,
  s3: v128,
): v128 {
  return madd(s3, x3, madd(s2, x2, madd(s1, x1, f32x4.mul(s0, x0))));
}

/** As `expertMix`: two results of an expert at a time, row after row. */
export function mixFour(
  x: usize,
  scale: usize,
  y: usize,
  rows: i32,
  transpose: i32,
): void {
  const step: usize = transpose ? 4 : 16, next: usize = transpose ? 16 : 4;
  for (let i: usize = 0; i < 8; i++) {
    const e = i >> 1, out = (i & 1) << 1;
    const s = scale + CHUNK * e + out * next;
    const a0 = v128.load32_splat(s), b0 = v128.load32_splat(s + next);
    const a1 = v128.load32_splat(s + step);
    const b1 = v128.load32_splat(s + step + next);
    const a2 = v128.load32_splat(s + 2 * step);
    const b2 = v128.load32_splat(s + 2 * step + next);
    const a3 = v128.load32_splat(s + 3 * step);
    const b3 = v128.load32_splat(s + 3 * step + next);
    let from = x + 16 * e, to = y + 16 * e + CHUNK * out;
    for (let t: i32 = 0; t < rows; t++) {
      const x0 = v128.load(from), x1 = v128.load(from, 64);
      const x2 = v128.load(from, 128), x3 = v128.load(from, 192);
      v128.store(to, mixed(x0, x1, x2, x3, a0, a1, a2, a3));
      v128.store(to, mixed(x0, x1, x2, x3, b0, b1, b2, b3), 64);
      from += ROW;
      to += ROW;
    }
  }
}

/** As `expertMixChunks`, for one chunk: eight sums at a time. */
export function mixChunkOfFour(
  x: usize,
  dy: usize,
  y: usize,
  rows: i32,
): void {
  for (let i: usize = 0; i < 8; i++) {
    const e = i >> 1, out = (i & 1) << 1;
    let from = x + 16 * e, slope = dy + 16 * e + CHUNK * out;
    let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
    let b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    for (let t: i32 = 0; t < rows; t++) {
      const g = v128.load(slope), h = v128.load(slope, 64);
      const x0 = v128.load(from), x1 = v128.load(from, 64);
      a0 = madd(x0, g, a0);
      b0 = madd(x0, h, b0);
      a1 = madd(x1, g, a1);
      b1 = madd(x1, h, b1);
      const x2 = v128.load(from, 128), x3 = v128.load(from, 192);
      a2 = madd(x2, g, a2);
      b2 = madd(x2, h, b2);
      a3 = madd(x3, g, a3);
      b3 = madd(x3, h, b3);
      from += ROW;
      slope += ROW;
    }
    const to = y + CHUNK * e + 4 * out;
    store<f32>(to, sumLanes(a0));
    store<f32>(to, sumLanes(b0), 4);
    store<f32>(to, sumLanes(a1), 16);
    store<f32>(to, sumLanes(b1), 20);
    store<f32>(to, sumLanes(a2), 32);
    store<f32>(to, sumLanes(b2), 36);
    store<f32>(to, sumLanes(a3), 48);
    store<f32>(to, sumLanes(b3), 52);
  }
}
