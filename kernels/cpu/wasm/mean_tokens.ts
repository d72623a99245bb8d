/// <reference path="./globals.d.ts" />
/** The mean over tokens, and its gradient. */

import { columnSum } from "./column_sum.ts";
import { at, share } from "./simd.ts";

/** y = factor·x, `count` floats. */
function scaleFloats(x: usize, y: usize, count: i32, factor: f32): void {
  let i: i32 = 0;
  for (; i + 4 <= count; i += 4) {
    const value = f32x4.mul(v128.load(at(x, i)), f32x4.splat(factor));
    v128.store(at(y, i), value);
  }
  for (; i < count; i++) store<f32>(at(y, i), load<f32>(at(x, i)) * factor);
}

/** y (B, d) from x (B, T, d); each thread has images. */
export function meanTokens(
  x: usize,
  y: usize,
  batch: i32,
  tokens: i32,
  width: i32,
  thread: i32,
  threads: i32,
): void {
  const factor: f32 = 1 / <f32> tokens;
  const end = share(batch, thread + 1, threads);
  for (let b = share(batch, thread, threads); b < end; b++) {
    const to = at(y, b * width);
    columnSum(at(x, b * tokens * width), 0, to, tokens, width, 0, 1);
    scaleFloats(to, to, width, factor);
  }
}

/** dx (B, T, d) = dy (B, d) / T. */
export function spreadTokens(
  dy: usize,
  dx: usize,
  batch: i32,
  tokens: i32,
  width: i32,
  thread: i32,
  threads: i32,
): void {
  const factor: f32 = 1 / <f32> tokens;
  const end = share(batch * tokens, thread + 1, threads);
  for (let row = share(batch * tokens, thread, threads); row < end; row++) {
    const from = at(dy, row / tokens * width);
    scaleFloats(from, at(dx, row * width), width, factor);
  }
}
