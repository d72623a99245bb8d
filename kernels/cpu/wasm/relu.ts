/// <reference path="./globals.d.ts" />
/** ReLU and its gradient, element by element. */

import { at, loadPart, shareElements, storePart } from "./simd.ts";

/** y = max(x, 0). */
export function relu(
  x: usize,
  y: usize,
  count: i32,
  thread: i32,
  threads: i32,
): void {
  const zero = f32x4.splat(0);
  let i = shareElements(count, thread, threads);
  const end = shareElements(count, thread + 1, threads);
  for (; i + 4 <= end; i += 4) {
    v128.store(at(y, i), f32x4.max(v128.load(at(x, i)), zero));
  }
  if (i < end) {
    storePart(at(y, i), f32x4.max(loadPart(at(x, i), end - i), zero), end - i);
  }
}

/** dx = dy where y > 0, else 0. */
export function reluGradient(
  dy: usize,
  y: usize,
  dx: usize,
  count: i32,
  thread: i32,
  threads: i32,
): void {
  const zero = f32x4.splat(0);
  let i = shareElements(count, thread, threads);
  const end = shareElements(count, thread + 1, threads);
  for (; i + 4 <= end; i += 4) {
    const open = f32x4.gt(v128.load(at(y, i)), zero);
    v128.store(at(dx, i), v128.and(v128.load(at(dy, i)), open));
  }
  if (i < end) {
    const part = end - i;
    const open = f32x4.gt(loadPart(at(y, i), part), zero);
    storePart(at(dx, i), v128.and(loadPart(at(dy, i), part), open), part);
  }
}
