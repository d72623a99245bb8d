/// <reference path="./globals.d.ts" />
/**
 * Reordering of B for the register tile. A panel is 8 columns of B,
 * (k, 8) contiguous; missing columns are zero.
 */

import { at } from "./simd.ts";

/** Columns of a panel. */
export const PANEL: i32 = 8;

/** Panels that cover `columns`. */
// @inline
export function panelCount(columns: i32): i32 {
  return (columns + 7) >> 3;
}

/** Floats of the panels that cover (k, columns). */
// @inline
export function panelFloats(k: i32, columns: i32): i32 {
  return panelCount(columns) * 8 * k;
}

/** Packs one panel of `columns` ≤ 8 from B stored (k, n), `ldb` in bytes. */
export function packColumns(
  b: usize,
  ldb: usize,
  columns: i32,
  k: i32,
  panel: usize,
): void {
  for (let p: i32 = 0; p < k; p++) {
    if (columns == 8) {
      v128.store(panel, v128.load(b));
      v128.store(panel, v128.load(b, 16), 16);
    } else {
      for (let j: i32 = 0; j < 8; j++) {
        store<f32>(at(panel, j), j < columns ? load<f32>(at(b, j)) : 0);
      }
    }
    b += ldb;
    panel += 32;
  }
}

/** Packs one panel of `columns` ≤ 8 from B stored (n, k), `ldb` in bytes. */
export function packRows(
  b: usize,
  ldb: usize,
  columns: i32,
  k: i32,
  panel: usize,
): void {
  let p: i32 = 0;
  if (columns == 8) {
    for (; p + 4 <= k; p += 4) {
      transpose4(at(b, p), ldb, at(panel, p * 8), 32);
      transpose4(at(b + 4 * ldb, p), ldb, at(panel, p * 8 + 4), 32);
    }
  }
  for (; p < k; p++) {
    for (let j: i32 = 0; j < 8; j++) {
      store<f32>(
        at(panel, p * 8 + j),
        j < columns ? load<f32>(at(b + <usize> j * ldb, p)) : 0,
      );
    }
  }
}

/** Writes the columns, up to 8, of a panel (n, 8) as rows of n to y. */
export function storeColumns(
  panel: usize,
  n: i32,
  columns: i32,
  y: usize,
  ldy: usize,
): void {
  const whole = columns & ~3;
  for (let i: i32 = 0; i < columns; i += 4) {
    const from = at(panel, i), to = y + <usize> i * ldy;
    let j: i32 = 0;
    if (i < whole) {
      for (; j + 4 <= n; j += 4) {
        transpose4(at(from, j * 8), 32, at(to, j), ldy);
      }
    }
    for (; j < n; j++) {
      const stop = min(columns - i, 4);
      for (let c: i32 = 0; c < stop; c++) {
        const value = load<f32>(at(from, j * 8 + c));
        store<f32>(at(to + <usize> c * ldy, j), value);
      }
    }
  }
}

/** Transposes a block of 4 by 4. */
// @inline
export function transpose4(
  from: usize,
  ldf: usize,
  to: usize,
  ldt: usize,
): void {
  const a = v128.load(from);
  const b = v128.load(from + ldf);
  const c = v128.load(from + 2 * ldf);
  const d = v128.load(from + 3 * ldf);
  const low = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const high = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const low2 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const high2 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(low, low2, 0, 1, 4, 5));
  v128.store(to + ldt, v128.shuffle<f32>(low, low2, 2, 3, 6, 7));
  v128.store(to + 2 * ldt, v128.shuffle<f32>(high, high2, 0, 1, 4, 5));
  v128.store(to + 3 * ldt, v128.shuffle<f32>(high, high2, 2, 3, 6, 7));
}
