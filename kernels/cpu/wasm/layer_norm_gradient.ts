/// <reference path="./globals.d.ts" />
/** The gradients of layer norm: towards x, and towards weight and bias. */

import { take } from "./barrier.ts";
import { addLine } from "./column_sum.ts";
import {
  at,
  clearFloats,
  loadPart,
  madd,
  share,
  storePart,
  sumLanes,
} from "./simd.ts";

/** Four lanes at `j` of a row of `n`, zeros behind its end. */
// @inline
function lanes(row: usize, j: i32, n: i32): v128 {
  return j + 4 <= n ? v128.load(at(row, j)) : loadPart(at(row, j), n - j);
}

/** Rows that a thread takes at once. */
const ROWS: i32 = 32;

/**
 * dx = rstd·(g - mean(g) - x̂·mean(g·x̂)) (+ addend), with g = dy·weight and
 * x̂ = (x - mean)·rstd.
 */
export function layerNormGradient(
  dy: usize,
  x: usize,
  weight: usize,
  means: usize,
  rstds: usize,
  addend: usize,
  dx: usize,
  m: i32,
  n: i32,
  _thread: i32,
  _threads: i32,
): void {
  const units = (m + ROWS - 1) / ROWS;
  for (let unit = take(); unit < units; unit = take()) {
    const end = min(m, (unit + 1) * ROWS);
    for (let row = unit * ROWS; row < end; row++) {
      const i = row * n;
      const more = addend ? at(addend, i) : 0;
      const center = v128.load32_splat(at(means, row));
      const scale = v128.load32_splat(at(rstds, row));
      // deno-fmt-ignore
      rowGradient(at(dy, i), at(x, i), weight, center, scale, more, at(dx, i), n);
    }
  }
}

/** x̂ of four elements. */
// @inline
function unit4(x: v128, center: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.sub(x, center), scale);
}

/** One row. */
function rowGradient(
  g: usize,
  from: usize,
  weight: usize,
  center: v128,
  scale: v128,
  addend: usize,
  to: usize,
  n: i32,
): void {
  const whole = n & ~3, part = n & 3;
  let sum = f32x4.splat(0), product = sum;
  for (let j: i32 = 0; j < whole; j += 4) {
    const slope = f32x4.mul(v128.load(at(g, j)), v128.load(at(weight, j)));
    const unit = unit4(v128.load(at(from, j)), center, scale);
    sum = f32x4.add(sum, slope);
    product = madd(slope, unit, product);
  }
  if (part > 0) {
    const slope = f32x4.mul(lanes(g, whole, n), lanes(weight, whole, n));
    sum = f32x4.add(sum, slope);
    const unit = unit4(lanes(from, whole, n), center, scale);
    product = madd(slope, unit, product);
  }
  const shift = f32x4.splat(sumLanes(sum) / <f32> n);
  const factor = f32x4.splat(sumLanes(product) / <f32> n);
  for (let j: i32 = 0; j < whole; j += 4) {
    const slope = f32x4.mul(v128.load(at(g, j)), v128.load(at(weight, j)));
    const unit = unit4(v128.load(at(from, j)), center, scale);
    const rest = f32x4.sub(f32x4.sub(slope, shift), f32x4.mul(unit, factor));
    const more = addend ? v128.load(at(addend, j)) : f32x4.splat(0);
    v128.store(at(to, j), madd(rest, scale, more));
  }
  if (part > 0) {
    const slope = f32x4.mul(lanes(g, whole, n), lanes(weight, whole, n));
    const unit = unit4(lanes(from, whole, n), center, scale);
    const rest = f32x4.sub(f32x4.sub(slope, shift), f32x4.mul(unit, factor));
    const more = addend ? lanes(addend, whole, n) : f32x4.splat(0);
    storePart(at(to, whole), madd(rest, scale, more), part);
  }
}

/** Rows that are added before their sum joins the total. */
const BLOCK: i32 = 64;

/** dweight = Σ dy·x̂ and dbias = Σ dy over the rows; either may be 0. */
export function layerNormParameterGradient(
  dy: usize,
  x: usize,
  means: usize,
  rstds: usize,
  dweight: usize,
  dbias: usize,
  m: i32,
  n: i32,
  thread: i32,
  threads: i32,
): void {
  const groups = (n + 15) >> 4;
  const end = min(share(groups, thread + 1, threads) << 4, n);
  let j = share(groups, thread, threads) << 4;
  for (; j + 16 <= end; j += 16) {
    if (dweight) clearFloats(at(dweight, j), 16);
    if (dbias) clearFloats(at(dbias, j), 16);
    for (let row: i32 = 0; row < m; row += BLOCK) {
      parameterLine(
        at(dy, row * n + j),
        at(x, row * n + j),
        at(means, row),
        at(rstds, row),
        dweight ? at(dweight, j) : 0,
        dbias ? at(dbias, j) : 0,
        min(m - row, BLOCK),
        n,
      );
    }
  }
  for (; j < end; j += 4) {
    let weights = f32x4.splat(0), biases = weights;
    for (let row: i32 = 0; row < m; row += BLOCK) {
      const stop = min(row + BLOCK, m);
      let weight = f32x4.splat(0), bias = weight;
      for (let i: i32 = row; i < stop; i++) {
        const slope = lanes(at(dy, i * n), j, n);
        const center = v128.load32_splat(at(means, i));
        const scale = v128.load32_splat(at(rstds, i));
        const shifted = f32x4.sub(lanes(at(x, i * n), j, n), center);
        weight = madd(slope, f32x4.mul(shifted, scale), weight);
        bias = f32x4.add(bias, slope);
      }
      weights = f32x4.add(weights, weight);
      biases = f32x4.add(biases, bias);
    }
    const part = n - j;
    if (dweight && part >= 4) v128.store(at(dweight, j), weights);
    else if (dweight) storePart(at(dweight, j), weights, part);
    if (dbias && part >= 4) v128.store(at(dbias, j), biases);
    else if (dbias) storePart(at(dbias, j), biases, part);
  }
}

/** Adds what some rows give to a cache line of columns. */
function parameterLine(
  dy: usize,
  x: usize,
  means: usize,
  rstds: usize,
  dweight: usize,
  dbias: usize,
  rows: i32,
  n: i32,
): void {
  let w0 = f32x4.splat(0), w1 = w0, w2 = w0, w3 = w0;
  let b0 = w0, b1 = w0, b2 = w0, b3 = w0;
  for (let i: i32 = 0; i < rows; i++) {
    const center = v128.load32_splat(at(means, i));
    const scale = v128.load32_splat(at(rstds, i));
    const s0 = v128.load(dy), s1 = v128.load(dy, 16);
    const s2 = v128.load(dy, 32), s3 = v128.load(dy, 48);
    w0 = madd(s0, unit4(v128.load(x), center, scale), w0);
    w1 = madd(s1, unit4(v128.load(x, 16), center, scale), w1);
    w2 = madd(s2, unit4(v128.load(x, 32), center, scale), w2);
    w3 = madd(s3, unit4(v128.load(x, 48), center, scale), w3);
    b0 = f32x4.add(b0, s0);
    b1 = f32x4.add(b1, s1);
    b2 = f32x4.add(b2, s2);
    b3 = f32x4.add(b3, s3);
    dy = at(dy, n);
    x = at(x, n);
  }
  if (dweight) addLine(dweight, w0, w1, w2, w3);
  if (dbias) addLine(dbias, b0, b1, b2, b3);
}
