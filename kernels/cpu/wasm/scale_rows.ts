/// <reference path="./globals.d.ts" />

import { at, loadPart, share, storePart } from "./simd.ts";

/** y = scale[row]·x (+ residual), x (rows, width). */
export function scaleRows(
  x: usize,
  scale: usize,
  residual: usize,
  y: usize,
  rows: i32,
  width: i32,
  thread: i32,
  threads: i32,
): void {
  const end = share(rows, thread + 1, threads);
  for (let row = share(rows, thread, threads); row < end; row++) {
    const factor = v128.load32_splat(at(scale, row));
    const start = row * width, stop = start + width;
    let i = start;
    for (; i + 4 <= stop; i += 4) {
      let value = f32x4.mul(factor, v128.load(at(x, i)));
      if (residual) value = f32x4.add(value, v128.load(at(residual, i)));
      v128.store(at(y, i), value);
    }
    if (i < stop) {
      const part = stop - i;
      let value = f32x4.mul(factor, loadPart(at(x, i), part));
      if (residual) value = f32x4.add(value, loadPart(at(residual, i), part));
      storePart(at(y, i), value, part);
    }
  }
}
