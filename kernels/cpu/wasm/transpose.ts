/// <reference path="./globals.d.ts" />
/** Swapping axes. */

import { transpose4 } from "./panels.ts";
import { at, copyFloats, share, shareElements } from "./simd.ts";

/** y (b, a, c) from x (a, b, c). */
export function transpose(
  x: usize,
  y: usize,
  a: i32,
  b: i32,
  c: i32,
  thread: i32,
  threads: i32,
): void {
  if (c == 1) {
    transposeMatrix(x, y, a, b, thread, threads);
    return;
  }
  const end = share(a * b, thread + 1, threads);
  for (let row = share(a * b, thread, threads); row < end; row++) {
    const from = row % a * b + row / a;
    copyFloats(at(x, from * c), at(y, row * c), c);
  }
}

/**
 * y = xᵀ, x `[a, b]`: threads take rows of y, sixteen at a time, so that whole
 * cache lines of x are read.
 */
function transposeMatrix(
  x: usize,
  y: usize,
  a: i32,
  b: i32,
  thread: i32,
  threads: i32,
): void {
  const end = shareElements(b, thread + 1, threads);
  const whole = a & ~3;
  for (let j = shareElements(b, thread, threads); j < end; j += 16) {
    const last = min(j + 16, end);
    const fours = j + ((last - j) & ~3);
    for (let i: i32 = 0; i < whole; i += 4) {
      for (let row = j; row < fours; row += 4) {
        transpose4(at(x, i * b + row), b << 2, at(y, row * a + i), a << 2);
      }
    }
    for (let row = j; row < last; row++) {
      const from = row < fours ? whole : 0;
      for (let i = from; i < a; i++) {
        store<f32>(at(y, row * a + i), load<f32>(at(x, i * b + row)));
      }
    }
  }
}
