/// <reference path="./globals.d.ts" />
/** What follows a matrix product while its rows are still in cache. */

import { gelu4 } from "./elementary.ts";
import { at, loadPart, madd, storePart } from "./simd.ts";

/**
 * p = alpha·y + bias; y = activation(p) + residual; pre = p.
 *
 * Works on `rows` rows of `columns` columns; y, pre and residual have `ld`
 * bytes from row to row. Absent operands are 0.
 */
export function epilogue(
  y: usize,
  pre: usize,
  bias: usize,
  residual: usize,
  rows: i32,
  columns: i32,
  ld: usize,
  alpha: f32,
  activation: i32,
): void {
  if (!bias && !residual && !pre && !activation && alpha == 1) return;
  const factor = f32x4.splat(alpha);
  const whole = columns & ~3;
  for (let i: i32 = 0; i < rows; i++) {
    for (let j: i32 = 0; j < whole; j += 4) {
      let value = v128.load(at(y, j));
      value = madd(value, factor, bias ? v128.load(at(bias, j)) : zero4());
      if (pre) v128.store(at(pre, j), value);
      if (activation) value = gelu4(value);
      if (residual) value = f32x4.add(value, v128.load(at(residual, j)));
      v128.store(at(y, j), value);
    }
    if (whole < columns) {
      const part = columns - whole;
      let value = loadPart(at(y, whole), part);
      const shift = bias ? loadPart(at(bias, whole), part) : zero4();
      value = madd(value, factor, shift);
      if (pre) storePart(at(pre, whole), value, part);
      if (activation) value = gelu4(value);
      if (residual) {
        value = f32x4.add(value, loadPart(at(residual, whole), part));
      }
      storePart(at(y, whole), value, part);
    }
    y += ld;
    if (pre) pre += ld;
    if (residual) residual += ld;
  }
}

// @inline
function zero4(): v128 {
  return f32x4.splat(0);
}

/** y = bias + residual, for a product that is then added to it. */
export function prefill(
  y: usize,
  bias: usize,
  residual: usize,
  rows: i32,
  columns: i32,
  ld: usize,
): void {
  const whole = columns & ~3;
  for (let i: i32 = 0; i < rows; i++) {
    for (let j: i32 = 0; j < whole; j += 4) {
      let value = bias ? v128.load(at(bias, j)) : zero4();
      if (residual) value = f32x4.add(value, v128.load(at(residual, j)));
      v128.store(at(y, j), value);
    }
    if (whole < columns) {
      const part = columns - whole;
      let value = bias ? loadPart(at(bias, whole), part) : zero4();
      if (residual) {
        value = f32x4.add(value, loadPart(at(residual, whole), part));
      }
      storePart(at(y, whole), value, part);
    }
    y += ld;
    if (residual) residual += ld;
  }
}
