/// <reference path="./globals.d.ts" />

import { at, loadPart, share, storePart } from "./simd.ts";

/** Rows that are added before the sum joins the total. */
const BLOCK: i32 = 64;

/** y (n) = Σ over the rows of x (m, n) (+ addend); each thread has columns. */
export function columnSum(
  x: usize,
  addend: usize,
  y: usize,
  m: i32,
  n: i32,
  thread: i32,
  threads: i32,
): void {
  const groups = (n + 15) >> 4;
  const first = share(groups, thread, threads) << 4;
  const end = min(share(groups, thread + 1, threads) << 4, n);
  const whole = first + ((end - first) & ~3);
  for (let j = first; j < whole; j += 4) {
    v128.store(at(y, j), addend ? v128.load(at(addend, j)) : f32x4.splat(0));
  }
  const part = end - whole;
  if (part > 0) {
    const none = f32x4.splat(0);
    const value = addend ? loadPart(at(addend, whole), part) : none;
    storePart(at(y, whole), value, part);
  }
  for (let row: i32 = 0; row < m; row += BLOCK) {
    const rows = min(m - row, BLOCK);
    let j = first;
    for (; j + 16 <= whole; j += 16) {
      sumLine(at(x, row * n + j), at(y, j), rows, n);
    }
    for (; j < whole; j += 4) {
      let sum = f32x4.splat(0);
      for (let i: i32 = 0; i < rows; i++) {
        sum = f32x4.add(sum, v128.load(at(x, (row + i) * n + j)));
      }
      v128.store(at(y, j), f32x4.add(sum, v128.load(at(y, j))));
    }
    if (part > 0) {
      let sum = f32x4.splat(0);
      for (let i: i32 = 0; i < rows; i++) {
        sum = f32x4.add(sum, loadPart(at(x, (row + i) * n + whole), part));
      }
      const total = f32x4.add(sum, loadPart(at(y, whole), part));
      storePart(at(y, whole), total, part);
    }
  }
}

/** y += Σ over the rows of x, a cache line of columns. */
// @inline
function sumLine(x: usize, y: usize, rows: i32, n: i32): void {
  let a = f32x4.splat(0), b = a, c = a, d = a;
  for (let i: i32 = 0; i < rows; i++) {
    a = f32x4.add(a, v128.load(x));
    b = f32x4.add(b, v128.load(x, 16));
    c = f32x4.add(c, v128.load(x, 32));
    d = f32x4.add(d, v128.load(x, 48));
    x = at(x, n);
  }
  addLine(y, a, b, c, d);
}

/** y += sixteen floats. */
// @inline
export function addLine(y: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(y, f32x4.add(a, v128.load(y)));
  v128.store(y, f32x4.add(b, v128.load(y, 16)), 16);
  v128.store(y, f32x4.add(c, v128.load(y, 32)), 32);
  v128.store(y, f32x4.add(d, v128.load(y, 48)), 48);
}
