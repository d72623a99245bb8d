/// <reference path="./globals.d.ts" />
/** Sums and copies, element by element. */

import {
  at,
  copyFloats,
  loadPart,
  madd,
  shareElements,
  storePart,
} from "./simd.ts";

/** y = a + alpha·b. */
export function add(
  a: usize,
  b: usize,
  y: usize,
  count: i32,
  alpha: f32,
  thread: i32,
  threads: i32,
): void {
  const factor = f32x4.splat(alpha);
  let i = shareElements(count, thread, threads);
  const end = shareElements(count, thread + 1, threads);
  for (; i + 4 <= end; i += 4) {
    const value = madd(v128.load(at(b, i)), factor, v128.load(at(a, i)));
    v128.store(at(y, i), value);
  }
  if (i < end) {
    const part = end - i;
    const b4 = loadPart(at(b, i), part);
    storePart(at(y, i), madd(b4, factor, loadPart(at(a, i), part)), part);
  }
}

/** y = x. */
export function copy(
  x: usize,
  y: usize,
  count: i32,
  thread: i32,
  threads: i32,
): void {
  const first = shareElements(count, thread, threads);
  const end = shareElements(count, thread + 1, threads);
  copyFloats(at(x, first), at(y, first), end - first);
}
