/// <reference path="./globals.d.ts" />
/** Exponentials of a row, as softmax and log-sum-exp need them. */

import { exp4 } from "./elementary.ts";
import { at, loadPart, maxLanes, storePart, sumLanes } from "./simd.ts";

/** The largest of `n` floats; NaN if there is one. */
export function rowMax(x: usize, n: i32): f32 {
  let top = f32x4.splat(-Infinity);
  let j: i32 = 0;
  for (; j + 4 <= n; j += 4) top = f32x4.max(top, v128.load(at(x, j)));
  let result = maxLanes(top);
  for (; j < n; j++) result = max(result, load<f32>(at(x, j)));
  return result;
}

/** y = exp(scale·(x - shift)) for `n` floats; returns their sum. y may be x. */
export function rowExp(
  x: usize,
  y: usize,
  n: i32,
  scale: f32,
  shift: f32,
): f32 {
  const factor = f32x4.splat(scale), center = f32x4.splat(shift);
  let sum = f32x4.splat(0);
  let j: i32 = 0;
  for (; j + 4 <= n; j += 4) {
    const value = exp4(
      f32x4.mul(f32x4.sub(v128.load(at(x, j)), center), factor),
    );
    v128.store(at(y, j), value);
    sum = f32x4.add(sum, value);
  }
  let rest: f32 = 0;
  if (j < n) {
    const part = n - j;
    const value = exp4(
      f32x4.mul(f32x4.sub(loadPart(at(x, j), part), center), factor),
    );
    storePart(at(y, j), value, part);
    rest = f32x4.extract_lane(value, 0);
    if (part > 1) rest += f32x4.extract_lane(value, 1);
    if (part > 2) rest += f32x4.extract_lane(value, 2);
  }
  return sumLanes(sum) + rest;
}
