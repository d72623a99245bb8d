/// <reference path="./globals.d.ts" />
/** Quick GELU and its gradient, element by element. */

import { exp4 } from "./elementary.ts";
import { at, loadPart, shareElements, storePart } from "./simd.ts";

const SLOPE: f32 = 1.702;

/** σ(1.702·x); the power is cut where f32 would overflow. */
// @inline
function logistic4(x: v128): v128 {
  const power = f32x4.mul(x, f32x4.splat(-SLOPE));
  const one = f32x4.splat(1);
  // NaN as its first operand stays.
  const bounded = f32x4.pmin(power, f32x4.splat(88));
  return f32x4.div(one, f32x4.add(one, exp4(bounded)));
}

// @inline
function slope4(x: v128): v128 {
  const share = logistic4(x);
  const one = f32x4.splat(1);
  const rest = f32x4.sub(one, share);
  const scaled = f32x4.mul(x, f32x4.splat(SLOPE));
  return f32x4.mul(share, f32x4.add(one, f32x4.mul(scaled, rest)));
}

/** y = x·σ(1.702·x). */
export function quickGelu(
  x: usize,
  y: usize,
  count: i32,
  thread: i32,
  threads: i32,
): void {
  let i = shareElements(count, thread, threads);
  const end = shareElements(count, thread + 1, threads);
  for (; i + 4 <= end; i += 4) {
    const v = v128.load(at(x, i));
    v128.store(at(y, i), f32x4.mul(v, logistic4(v)));
  }
  if (i < end) {
    const v = loadPart(at(x, i), end - i);
    storePart(at(y, i), f32x4.mul(v, logistic4(v)), end - i);
  }
}

/** dx = dy·(σ + 1.702·x·σ·(1 - σ)). */
export function quickGeluGradient(
  dy: usize,
  x: usize,
  dx: usize,
  count: i32,
  thread: i32,
  threads: i32,
): void {
  let i = shareElements(count, thread, threads);
  const end = shareElements(count, thread + 1, threads);
  for (; i + 4 <= end; i += 4) {
    const slope = slope4(v128.load(at(x, i)));
    v128.store(at(dx, i), f32x4.mul(slope, v128.load(at(dy, i))));
  }
  if (i < end) {
    const slope = slope4(loadPart(at(x, i), end - i));
    const value = f32x4.mul(slope, loadPart(at(dy, i), end - i));
    storePart(at(dx, i), value, end - i);
  }
}
