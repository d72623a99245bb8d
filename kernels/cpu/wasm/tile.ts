/// <reference path="./globals.d.ts" />
/** The register tile of the matrix product: 5 rows by 8 columns. */

import { madd } from "./simd.ts";

/**
 * y (5, 8) = A·B, or y += A·B if `accumulate`; A is a strip (k, 5) and B a
 * panel (k, 8).
 *
 * The engine checks the bounds of every load, which costs as much as the load.
 * So four elements of A come with one, and are spread by shuffles: 4 loads for
 * 10 multiply-adds, where a tile of 6 by 8 with an element a load needs 8 for
 * 12. Ten sums, a row of the panel, an element and the strip's four use 14 of
 * the 15 vector registers that there are.
 */
export function tile(
  a: usize,
  b: usize,
  k: i32,
  y: usize,
  ldy: usize,
  accumulate: bool,
): void {
  const end = a + <usize> k * 20;
  let s00 = f32x4.splat(0), s01 = s00, s10 = s00, s11 = s00;
  let s20 = s00, s21 = s00, s30 = s00, s31 = s00, s40 = s00, s41 = s00;
  while (a < end) {
    const left = v128.load(b);
    const right = v128.load(b, 16);
    const four = v128.load(a);
    let x = v128.shuffle<f32>(four, four, 0, 0, 0, 0);
    s00 = madd(x, left, s00);
    s01 = madd(x, right, s01);
    x = v128.shuffle<f32>(four, four, 1, 1, 1, 1);
    s10 = madd(x, left, s10);
    s11 = madd(x, right, s11);
    x = v128.shuffle<f32>(four, four, 2, 2, 2, 2);
    s20 = madd(x, left, s20);
    s21 = madd(x, right, s21);
    x = v128.shuffle<f32>(four, four, 3, 3, 3, 3);
    s30 = madd(x, left, s30);
    s31 = madd(x, right, s31);
    x = v128.load32_splat(a, 16);
    s40 = madd(x, left, s40);
    s41 = madd(x, right, s41);
    a += 20;
    b += 32;
  }
  put(y, s00, s01, accumulate);
  put(y + ldy, s10, s11, accumulate);
  put(y + 2 * ldy, s20, s21, accumulate);
  put(y + 3 * ldy, s30, s31, accumulate);
  put(y + 4 * ldy, s40, s41, accumulate);
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
