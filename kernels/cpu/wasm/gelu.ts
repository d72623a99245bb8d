/// <reference path="./globals.d.ts" />
/** The exact GELU and its gradient, element by element. */

import { take } from "./barrier.ts";
import { gelu4, gelu8, geluSlope4, geluSlope8 } from "./elementary.ts";
import { at, loadPart, storePart } from "./simd.ts";

/** Elements that a thread takes at once. */
const UNIT: i32 = 8192;

/** y = x·Φ(x). */
export function gelu(
  x: usize,
  y: usize,
  count: i32,
  _thread: i32,
  _threads: i32,
): void {
  const units = (count + UNIT - 1) / UNIT;
  for (let unit = take(); unit < units; unit = take()) {
    const start = unit * UNIT;
    geluFloats(at(x, start), at(y, start), min(count - start, UNIT));
  }
}

/** The same of `count` floats, by one thread. */
export function geluFloats(x: usize, y: usize, count: i32): void {
  let i: i32 = 0;
  for (; i + 8 <= count; i += 8) gelu8(at(x, i), at(y, i));
  if (i + 4 <= count) {
    v128.store(at(y, i), gelu4(v128.load(at(x, i))));
    i += 4;
  }
  if (i < count) {
    storePart(at(y, i), gelu4(loadPart(at(x, i), count - i)), count - i);
  }
}

/** dx = dy·(Φ(x) + x·φ(x)). */
export function geluGradient(
  dy: usize,
  x: usize,
  dx: usize,
  count: i32,
  _thread: i32,
  _threads: i32,
): void {
  const units = (count + UNIT - 1) / UNIT;
  for (let unit = take(); unit < units; unit = take()) {
    const end = min(count, (unit + 1) * UNIT);
    let i = unit * UNIT;
    for (; i + 8 <= end; i += 8) geluSlope8(at(x, i), at(dy, i), at(dx, i));
    if (i + 4 <= end) {
      const slope = geluSlope4(v128.load(at(x, i)));
      v128.store(at(dx, i), f32x4.mul(slope, v128.load(at(dy, i))));
      i += 4;
    }
    if (i < end) {
      const slope = geluSlope4(loadPart(at(x, i), end - i));
      const value = f32x4.mul(slope, loadPart(at(dy, i), end - i));
      storePart(at(dx, i), value, end - i);
    }
  }
}
