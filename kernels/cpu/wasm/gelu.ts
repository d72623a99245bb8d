/// <reference path="./globals.d.ts" />
/** The exact GELU and its gradient, element by element. */

import { gelu4, geluSlope4 } from "./elementary.ts";
import { at, loadPart, shareElements, storePart } from "./simd.ts";

/** y = x·Φ(x). */
export function gelu(
  x: usize,
  y: usize,
  count: i32,
  thread: i32,
  threads: i32,
): void {
  let i = shareElements(count, thread, threads);
  const end = shareElements(count, thread + 1, threads);
  for (; i + 4 <= end; i += 4) {
    v128.store(at(y, i), gelu4(v128.load(at(x, i))));
  }
  if (i < end) {
    storePart(at(y, i), gelu4(loadPart(at(x, i), end - i)), end - i);
  }
}

/** dx = dy·(Φ(x) + x·φ(x)). */
export function geluGradient(
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
    const slope = geluSlope4(v128.load(at(x, i)));
    v128.store(at(dx, i), f32x4.mul(slope, v128.load(at(dy, i))));
  }
  if (i < end) {
    const slope = geluSlope4(loadPart(at(x, i), end - i));
    const value = f32x4.mul(slope, loadPart(at(dy, i), end - i));
    storePart(at(dx, i), value, end - i);
  }
}
