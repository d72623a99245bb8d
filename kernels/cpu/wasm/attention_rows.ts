/// <reference path="./globals.d.ts" />
/** What attention does between products that a BLAS library makes. */

import { exp4, log } from "./elementary.ts";
import { at, madd, sumLanes } from "./simd.ts";

/**
 * Scores to probabilities, row by row, and lse if it is not 0.
 *
 * Rows have `ld` bytes, a multiple of 16, and are written up to there: what is
 * behind the tokens counts as -Infinity, and comes out as 0.
 */
export function softmaxRows(
  scores: usize,
  ld: usize,
  rows: i32,
  tokens: i32,
  scale: f32,
  lse: usize,
): void {
  const factor = f32x4.splat(scale);
  for (let i: i32 = 0; i < rows; i++) {
    const end = scores + ld;
    for (let x = at(scores, tokens); x < end; x += 4) {
      store<f32>(x, -Infinity);
    }
    const top = rowTop(scores, end);
    let total = f32x4.splat(0);
    for (let x = scores; x < end; x += 16) {
      const value = exp4(f32x4.mul(f32x4.sub(v128.load(x), top), factor));
      v128.store(x, value);
      total = f32x4.add(total, value);
    }
    const sum = sumLanes(total);
    if (lse) {
      const most = <f64> f32x4.extract_lane(top, 0);
      const value = most * <f64> scale + log(<f64> sum);
      store<f32>(at(lse, i), <f32> value);
    }
    const share = f32x4.splat(1 / sum);
    for (let x = scores; x < end; x += 16) {
      v128.store(x, f32x4.mul(v128.load(x), share));
    }
    scores = end;
  }
}

/** The largest of a row in every lane; NaN is passed over. */
// @inline
function rowTop(x: usize, end: usize): v128 {
  let top = v128.load(x);
  for (x += 16; x < end; x += 16) top = f32x4.pmax(top, v128.load(x));
  top = f32x4.pmax(top, v128.shuffle<f32>(top, top, 2, 3, 0, 1));
  return f32x4.pmax(top, v128.shuffle<f32>(top, top, 1, 0, 3, 2));
}

/**
 * Scores and dP of some queries to P and dS = P·(dP - Σ do·o)·scale.
 *
 * Rows of both have `ld` bytes, a multiple of 16, and are written up to there.
 */
export function slopeRows(
  p: usize,
  ds: usize,
  ld: usize,
  dy: usize,
  o: usize,
  ldo: usize,
  lse: usize,
  rows: i32,
  size: i32,
  scale: f32,
): void {
  const factor = f32x4.splat(scale);
  for (let i: i32 = 0; i < rows; i++) {
    const delta = f32x4.splat(dot(dy, o, size));
    const shift = f32x4.splat(-load<f32>(at(lse, i)));
    const end = p + ld;
    while (p < end) {
      const value = exp4(madd(v128.load(p), factor, shift));
      v128.store(p, value);
      const slope = f32x4.sub(v128.load(ds), delta);
      v128.store(ds, f32x4.mul(slope, f32x4.mul(value, factor)));
      p += 16;
      ds += 16;
    }
    dy += ldo;
    o += ldo;
  }
}

/** Σ a·b over `n` floats. */
export function dot(a: usize, b: usize, n: i32): f32 {
  let sum = f32x4.splat(0);
  let j: i32 = 0;
  for (; j + 4 <= n; j += 4) {
    sum = madd(v128.load(at(a, j)), v128.load(at(b, j)), sum);
  }
  let rest: f32 = 0;
  for (; j < n; j++) rest += load<f32>(at(a, j)) * load<f32>(at(b, j));
  return sumLanes(sum) + rest;
}
