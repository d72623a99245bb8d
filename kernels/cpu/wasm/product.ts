/// <reference path="./globals.d.ts" />
/** A matrix product by one thread, from rows of A and panels of B. */

import { at } from "./simd.ts";
import { tile } from "./tile.ts";

/**
 * y (m, n) = A·B, or y += A·B if `accumulate`.
 *
 * A is row-major (m, k); B is packed in panels. `lda` and `ldy` are in bytes.
 * `spare` holds one tile, 192 bytes, for the ragged edges.
 */
export function product(
  a: usize,
  lda: usize,
  panels: usize,
  m: i32,
  n: i32,
  k: i32,
  y: usize,
  ldy: usize,
  accumulate: bool,
  spare: usize,
): void {
  const step = <usize> k << 5;
  for (let i: i32 = 0; i < m; i += 6) {
    const rows = min(m - i, 6);
    let panel = panels;
    for (let j: i32 = 0; j < n; j += 8) {
      const columns = min(n - j, 8);
      if (rows == 6 && columns == 8) {
        tile(a, lda, 6, panel, k, at(y, j), ldy, accumulate);
      } else {
        tile(a, lda, rows, panel, k, spare, 32, false);
        spill(spare, rows, columns, at(y, j), ldy, accumulate);
      }
      panel += step;
    }
    a += 6 * lda;
    y += 6 * ldy;
  }
}

/** Moves the valid part of a tile to where it belongs. */
function spill(
  spare: usize,
  rows: i32,
  columns: i32,
  y: usize,
  ldy: usize,
  accumulate: bool,
): void {
  for (let i: i32 = 0; i < rows; i++) {
    for (let j: i32 = 0; j < columns; j++) {
      const value = load<f32>(at(spare, j));
      store<f32>(at(y, j), accumulate ? load<f32>(at(y, j)) + value : value);
    }
    spare += 32;
    y += ldy;
  }
}
