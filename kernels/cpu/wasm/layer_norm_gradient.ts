/// <reference path="./globals.d.ts" />
/** The gradients of layer norm: towards x, and towards weight and bias. */

import { at, loadPart, madd, share, storePart, sumLanes } from "./simd.ts";

/** Four lanes at `j` of a row of `n`, zeros behind its end. */
// @inline
function lanes(row: usize, j: i32, n: i32): v128 {
  return j + 4 <= n ? v128.load(at(row, j)) : loadPart(at(row, j), n - j);
}

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
  thread: i32,
  threads: i32,
): void {
  const end = share(m, thread + 1, threads);
  for (let row = share(m, thread, threads); row < end; row++) {
    const g = at(dy, row * n), from = at(x, row * n), to = at(dx, row * n);
    const center = v128.load32_splat(at(means, row));
    const scale = v128.load32_splat(at(rstds, row));
    let sum = f32x4.splat(0), product = sum;
    for (let j: i32 = 0; j < n; j += 4) {
      const slope = f32x4.mul(lanes(g, j, n), lanes(weight, j, n));
      const unit = f32x4.mul(f32x4.sub(lanes(from, j, n), center), scale);
      sum = f32x4.add(sum, slope);
      product = madd(slope, unit, product);
    }
    const meanSlope = f32x4.splat(sumLanes(sum) / <f32> n);
    const meanProduct = f32x4.splat(sumLanes(product) / <f32> n);
    for (let j: i32 = 0; j < n; j += 4) {
      const slope = f32x4.mul(lanes(g, j, n), lanes(weight, j, n));
      const unit = f32x4.mul(f32x4.sub(lanes(from, j, n), center), scale);
      const rest = f32x4.sub(
        f32x4.sub(slope, meanSlope),
        f32x4.mul(unit, meanProduct),
      );
      const more = addend ? lanes(at(addend, row * n), j, n) : f32x4.splat(0);
      const value = madd(rest, scale, more);
      if (j + 4 <= n) v128.store(at(to, j), value);
      else storePart(at(to, j), value, n - j);
    }
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
  for (let j = share(groups, thread, threads) << 4; j < end; j += 4) {
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
