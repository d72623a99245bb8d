/// <reference path="./globals.d.ts" />
/** What attention does between products that a BLAS library makes. */

import { exp4, log } from "./elementary.ts";
import { at, madd, sumLanes } from "./simd.ts";
import { rowExp, rowMax } from "./softmax.ts";

/** Scores to probabilities, row by row, and lse if it is not 0. */
export function softmaxRows(
  scores: usize,
  ld: usize,
  rows: i32,
  tokens: i32,
  scale: f32,
  lse: usize,
): void {
  for (let i: i32 = 0; i < rows; i++) {
    const top = rowMax(scores, tokens);
    const sum = rowExp(scores, scores, tokens, scale, top);
    if (lse) {
      store<f32>(at(lse, i), <f32> (<f64> top * <f64> scale + log(<f64> sum)));
    }
    const factor: f32 = 1 / sum;
    let j: i32 = 0;
    for (; j + 4 <= tokens; j += 4) {
      const value = f32x4.mul(v128.load(at(scores, j)), f32x4.splat(factor));
      v128.store(at(scores, j), value);
    }
    for (; j < tokens; j++) {
      store<f32>(at(scores, j), load<f32>(at(scores, j)) * factor);
    }
    scores += ld;
  }
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
