/// <reference path="./globals.d.ts" />
/** A matrix product by one thread, from strips of A and panels of B. */

import { at } from "./simd.ts";
import { tile } from "./tile.ts";

/**
 * y (m, n) = A·B, or y += A·B if `accumulate`.
 *
 * `ldy` is in bytes. `spare` holds one tile, 160 bytes, for the ragged edges.
 */
export function product(
  strips: usize,
  panels: usize,
  m: i32,
  n: i32,
  k: i32,
  y: usize,
  ldy: usize,
  accumulate: bool,
  spare: usize,
): void {
  const step = <usize> k * 20;
  for (let j: i32 = 0; j < n; j += 8) {
    const columns = min(n - j, 8);
    let strip = strips;
    let to = at(y, j);
    for (let i: i32 = 0; i < m; i += 5) {
      const rows = min(m - i, 5);
      if (rows == 5 && columns == 8) {
        tile(strip, panels, k, to, ldy, accumulate);
      } else {
        tile(strip, panels, k, spare, 32, false);
        spill(spare, rows, columns, to, ldy, accumulate);
      }
      strip += step;
      to += 5 * ldy;
    }
    panels += <usize> k << 5;
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
