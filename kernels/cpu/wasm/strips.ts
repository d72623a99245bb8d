/// <reference path="./globals.d.ts" />
/**
 * Reordering of A for the register tile. A strip is 5 rows of A, (k, 5)
 * contiguous; missing rows are zero.
 */

import { at } from "./simd.ts";
import { transpose4 } from "./panels.ts";

/** Rows of the strips that cover `rows`. */
// @inline
export function stripRows(rows: i32): i32 {
  return (rows + 4) / 5 * 5;
}

/** Floats of the strips that cover (rows, k). */
// @inline
export function stripFloats(rows: i32, k: i32): i32 {
  return stripRows(rows) * k;
}

/** Packs `rows` rows of A stored (m, k), `lda` in bytes. */
export function packStrips(
  a: usize,
  lda: usize,
  rows: i32,
  k: i32,
  strips: usize,
): void {
  for (let i: i32 = 0; i < rows; i += 5) {
    stripOfRows(a, lda, min(rows - i, 5), k, strips);
    a += 5 * lda;
    strips += <usize> k * 20;
  }
}

/** Packs `rows` columns of A stored (k, m), `lda` in bytes. */
export function packStripsTransposed(
  a: usize,
  lda: usize,
  rows: i32,
  k: i32,
  strips: usize,
): void {
  for (let i: i32 = 0; i < rows; i += 5) {
    stripOfColumns(at(a, i), lda, min(rows - i, 5), k, strips);
    strips += <usize> k * 20;
  }
}

function stripOfRows(
  a: usize,
  lda: usize,
  rows: i32,
  k: i32,
  strip: usize,
): void {
  let p: i32 = 0;
  if (rows == 5) {
    const fifth = a + 4 * lda;
    for (; p + 4 <= k; p += 4) {
      const to = at(strip, p * 5);
      transpose4(at(a, p), lda, to, 20);
      const last = v128.load(at(fifth, p));
      store<f32>(to, f32x4.extract_lane(last, 0), 16);
      store<f32>(to, f32x4.extract_lane(last, 1), 36);
      store<f32>(to, f32x4.extract_lane(last, 2), 56);
      store<f32>(to, f32x4.extract_lane(last, 3), 76);
    }
  }
  for (; p < k; p++) {
    for (let i: i32 = 0; i < 5; i++) {
      const value = i < rows ? load<f32>(at(a + <usize> i * lda, p)) : 0;
      store<f32>(at(strip, p * 5 + i), value);
    }
  }
}

function stripOfColumns(
  a: usize,
  lda: usize,
  rows: i32,
  k: i32,
  strip: usize,
): void {
  for (let p: i32 = 0; p < k; p++) {
    if (rows == 5) {
      v128.store(strip, v128.load(a));
      store<f32>(strip, load<f32>(a, 16), 16);
    } else {
      for (let i: i32 = 0; i < 5; i++) {
        store<f32>(at(strip, i), i < rows ? load<f32>(at(a, i)) : 0);
      }
    }
    a += lda;
    strip += 20;
  }
}
