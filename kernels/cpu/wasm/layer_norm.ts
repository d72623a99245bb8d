/// <reference path="./globals.d.ts" />

import { take } from "./barrier.ts";
import { at, loadPart, madd, partMask, storePart, sumLanes } from "./simd.ts";

/** Rows that a thread takes at once. */
const ROWS: i32 = 32;

/** The mean of a row of n. */
function rowMean(x: usize, n: i32): f32 {
  let left = f32x4.splat(0), right = left;
  let j: i32 = 0;
  for (; j + 8 <= n; j += 8) {
    left = f32x4.add(left, v128.load(at(x, j)));
    right = f32x4.add(right, v128.load(at(x, j), 16));
  }
  for (; j + 4 <= n; j += 4) left = f32x4.add(left, v128.load(at(x, j)));
  if (j < n) right = f32x4.add(right, loadPart(at(x, j), n - j));
  return sumLanes(f32x4.add(left, right)) / <f32> n;
}

/** The mean of (x - mean)². */
function rowVariance(x: usize, n: i32, mean: f32): f32 {
  const center = f32x4.splat(mean);
  let left = f32x4.splat(0), right = left;
  let j: i32 = 0;
  for (; j + 8 <= n; j += 8) {
    const a = f32x4.sub(v128.load(at(x, j)), center);
    const b = f32x4.sub(v128.load(at(x, j), 16), center);
    left = madd(a, a, left);
    right = madd(b, b, right);
  }
  for (; j + 4 <= n; j += 4) {
    const a = f32x4.sub(v128.load(at(x, j)), center);
    left = madd(a, a, left);
  }
  if (j < n) {
    const rest = f32x4.sub(loadPart(at(x, j), n - j), center);
    const a = v128.and(rest, partMask(n - j));
    right = madd(a, a, right);
  }
  return sumLanes(f32x4.add(left, right)) / <f32> n;
}

/** y = (x - mean)·rstd·weight + bias for each row; mean and rstd may be 0. */
export function layerNorm(
  x: usize,
  weight: usize,
  bias: usize,
  y: usize,
  means: usize,
  rstds: usize,
  m: i32,
  n: i32,
  eps: f32,
  _thread: i32,
  _threads: i32,
): void {
  const units = (m + ROWS - 1) / ROWS;
  for (let unit = take(); unit < units; unit = take()) {
    const end = min(m, (unit + 1) * ROWS);
    for (let row = unit * ROWS; row < end; row++) {
      const from = at(x, row * n);
      const mean = rowMean(from, n);
      const rstd: f32 = 1 / sqrt<f32>(rowVariance(from, n, mean) + eps);
      if (means) store<f32>(at(means, row), mean);
      if (rstds) store<f32>(at(rstds, row), rstd);
      normalize(from, weight, bias, at(y, row * n), n, mean, rstd);
    }
  }
}

/** One row. */
function normalize(
  from: usize,
  weight: usize,
  bias: usize,
  to: usize,
  n: i32,
  mean: f32,
  rstd: f32,
): void {
  const center = f32x4.splat(mean), scale = f32x4.splat(rstd);
  let j: i32 = 0;
  for (; j + 4 <= n; j += 4) {
    const unit = f32x4.mul(f32x4.sub(v128.load(at(from, j)), center), scale);
    const w = v128.load(at(weight, j));
    v128.store(at(to, j), madd(unit, w, v128.load(at(bias, j))));
  }
  if (j < n) {
    const part = n - j;
    const shifted = f32x4.sub(loadPart(at(from, j), part), center);
    const w = loadPart(at(weight, j), part);
    const unit = f32x4.mul(shifted, scale);
    storePart(at(to, j), madd(unit, w, loadPart(at(bias, j), part)), part);
  }
}
