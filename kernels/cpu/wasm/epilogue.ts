/// <reference path="./globals.d.ts" />
/** What follows a matrix product while its rows are still in cache. */

import { geluFloats } from "./gelu.ts";
import {
  addFloats,
  at,
  copyFloats,
  loadPart,
  madd,
  storePart,
} from "./simd.ts";

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
  for (let i: i32 = 0; i < rows; i++) {
    const p = pre ? pre : y;
    scaleRow(y, p, bias, columns, alpha);
    if (activation) geluFloats(p, y, columns);
    else if (pre) copyFloats(p, y, columns);
    if (residual) addFloats(residual, y, columns);
    y += ld;
    if (pre) pre += ld;
    if (residual) residual += ld;
  }
}

/** p = alpha·y + bias, `columns` floats. */
function scaleRow(
  y: usize,
  p: usize,
  bias: usize,
  columns: i32,
  alpha: f32,
): void {
  const factor = f32x4.splat(alpha);
  const whole = columns & ~3;
  for (let j: i32 = 0; j < whole; j += 4) {
    const shift = bias ? v128.load(at(bias, j)) : zero4();
    v128.store(at(p, j), madd(v128.load(at(y, j)), factor, shift));
  }
  if (whole < columns) {
    const part = columns - whole;
    const shift = bias ? loadPart(at(bias, whole), part) : zero4();
    const value = madd(loadPart(at(y, whole), part), factor, shift);
    storePart(at(p, whole), value, part);
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
