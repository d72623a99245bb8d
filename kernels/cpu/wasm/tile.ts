/// <reference path="./globals.d.ts" />
/** The register tile of the matrix product: 6 rows by 8 columns. */

import { madd } from "./simd.ts";

/**
 * y (6, 8) = A·B, or y += A·B if `accumulate`.
 *
 * A is row-major (rows, k) with `lda` bytes from row to row; if it has fewer
 * than 6 rows the last one stands in for the missing. B is a panel (k, 8).
 * Sixteen vector registers hold 12 sums, a row of the panel and an element.
 */
export function tile(
  a: usize,
  lda: usize,
  rows: i32,
  b: usize,
  k: i32,
  y: usize,
  ldy: usize,
  accumulate: bool,
): void {
  let a0 = a;
  let a1 = rows > 1 ? a0 + lda : a0;
  let a2 = rows > 2 ? a1 + lda : a1;
  let a3 = rows > 3 ? a2 + lda : a2;
  let a4 = rows > 4 ? a3 + lda : a3;
  let a5 = rows > 5 ? a4 + lda : a4;
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00;
  let s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  let s40 = s00, s41 = s00, s50 = s00, s51 = s00;
  for (let p: i32 = 0; p < k; p++) {
    const left = v128.load(b);
    const right = v128.load(b, 16);
    let x = v128.load32_splat(a0);
    s00 = madd(x, left, s00);
    s01 = madd(x, right, s01);
    x = v128.load32_splat(a1);
    s10 = madd(x, left, s10);
    s11 = madd(x, right, s11);
    x = v128.load32_splat(a2);
    s20 = madd(x, left, s20);
    s21 = madd(x, right, s21);
    x = v128.load32_splat(a3);
    s30 = madd(x, left, s30);
    s31 = madd(x, right, s31);
    x = v128.load32_splat(a4);
    s40 = madd(x, left, s40);
    s41 = madd(x, right, s41);
    x = v128.load32_splat(a5);
    s50 = madd(x, left, s50);
    s51 = madd(x, right, s51);
    b += 32;
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
    a4 += 4;
    a5 += 4;
  }
  put(y, s00, s01, accumulate);
  put(y + ldy, s10, s11, accumulate);
  put(y + 2 * ldy, s20, s21, accumulate);
  put(y + 3 * ldy, s30, s31, accumulate);
  put(y + 4 * ldy, s40, s41, accumulate);
  put(y + 5 * ldy, s50, s51, accumulate);
}

/** One row of a full tile. */
// @inline
function put(y: usize, left: v128, right: v128, accumulate: bool): void {
  if (accumulate) {
    left = f32x4.add(left, v128.load(y));
    right = f32x4.add(right, v128.load(y, 16));
  }
  v128.store(y, left);
  v128.store(y, right, 16);
}
