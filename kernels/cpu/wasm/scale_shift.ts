/// <reference path="./globals.d.ts" />
/** Scaling and shifting of channels, and the gradients towards both. */

import { at, loadPart, madd, share, storePart } from "./simd.ts";

/** y = x·scale (+ shift) (+ addend), x (m, n), scale and shift (n). */
export function scaleShift(
  x: usize,
  scale: usize,
  shift: usize,
  addend: usize,
  y: usize,
  m: i32,
  n: i32,
  thread: i32,
  threads: i32,
): void {
  const whole = n & ~3, part = n & 3;
  const end = share(m, thread + 1, threads);
  for (let row = share(m, thread, threads); row < end; row++) {
    const start = row * n;
    for (let j: i32 = 0; j < whole; j += 4) {
      let more = shift ? v128.load(at(shift, j)) : f32x4.splat(0);
      if (addend) more = f32x4.add(more, v128.load(at(addend, start + j)));
      const factor = v128.load(at(scale, j));
      v128.store(
        at(y, start + j),
        madd(v128.load(at(x, start + j)), factor, more),
      );
    }
    if (part > 0) {
      const i = start + whole;
      let more = shift ? loadPart(at(shift, whole), part) : f32x4.splat(0);
      if (addend) more = f32x4.add(more, loadPart(at(addend, i), part));
      const factor = loadPart(at(scale, whole), part);
      storePart(at(y, i), madd(loadPart(at(x, i), part), factor, more), part);
    }
  }
}

/** Rows that are added before their sum joins the total. */
const BLOCK: i32 = 64;

/** dscale = Σ dy·x and dshift = Σ dy over the rows; either may be 0. */
export function scaleShiftGradient(
  dy: usize,
  x: usize,
  dscale: usize,
  dshift: usize,
  m: i32,
  n: i32,
  thread: i32,
  threads: i32,
): void {
  const groups = (n + 15) >> 4;
  const end = min(share(groups, thread + 1, threads) << 4, n);
  for (let j = share(groups, thread, threads) << 4; j < end; j += 4) {
    const part = n - j;
    let scales = f32x4.splat(0), shifts = scales;
    for (let row: i32 = 0; row < m; row += BLOCK) {
      const stop = min(row + BLOCK, m);
      let scale = f32x4.splat(0), shift = scale;
      for (let i: i32 = row; i < stop; i++) {
        const from = i * n + j;
        const slope = part >= 4
          ? v128.load(at(dy, from))
          : loadPart(at(dy, from), part);
        const value = part >= 4
          ? v128.load(at(x, from))
          : loadPart(at(x, from), part);
        scale = madd(slope, value, scale);
        shift = f32x4.add(shift, slope);
      }
      scales = f32x4.add(scales, scale);
      shifts = f32x4.add(shifts, shift);
    }
    if (dscale && part >= 4) v128.store(at(dscale, j), scales);
    else if (dscale) storePart(at(dscale, j), scales, part);
    if (dshift && part >= 4) v128.store(at(dshift, j), shifts);
    else if (dshift) storePart(at(dshift, j), shifts, part);
  }
}
