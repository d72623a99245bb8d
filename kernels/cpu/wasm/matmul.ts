/// <reference path="./globals.d.ts" />
/**
 * y = activation(alpha·A·B + bias) + residual, in two ways.
 *
 * Usual: all threads pack B into panels, then each multiplies its rows (or its
 * columns, if there are few rows), block by block along k. Long k: each thread
 * takes chunks of k, then the chunks are added in order. Every sum runs in an
 * order that the sizes alone determine.
 */

import { epilogue } from "./epilogue.ts";
import {
  packColumns,
  packRows,
  panelCount,
  panelFloats,
  transposeBlock,
} from "./panels.ts";
import { product } from "./product.ts";
import { addFloats, at, copyFloats, share } from "./simd.ts";

/** Rows of A that are worked on at once: a multiple of 6 and 4. */
const ROWS: i32 = 48;

/** Packs panels [first, last) of rows [start, start + k) of B. */
function packPanels(
  b: usize,
  transB: i32,
  n: i32,
  k: i32,
  start: i32,
  length: i32,
  first: i32,
  last: i32,
  panels: usize,
): void {
  for (let j: i32 = first; j < last; j++) {
    const columns = min(n - j * 8, 8);
    const panel = at(panels, j * 8 * length);
    if (transB) {
      const from = at(b, j * 8 * k + start);
      packRows(from, <usize> k << 2, columns, length, panel);
    } else {
      const from = at(b, start * n + j * 8);
      packColumns(from, <usize> n << 2, columns, length, panel);
    }
  }
}

/** Packs all of B, in blocks of `block` along k. */
export function matmulPack(
  b: usize,
  panels: usize,
  transB: i32,
  n: i32,
  k: i32,
  block: i32,
  thread: i32,
  threads: i32,
): void {
  const count = panelCount(n);
  const first = share(count, thread, threads);
  const last = share(count, thread + 1, threads);
  for (let start: i32 = 0; start < k; start += block) {
    const length = min(k - start, block);
    const to = at(panels, panelFloats(start, n));
    packPanels(b, transB, n, k, start, length, first, last, to);
  }
}

/** Rows of A times a group of panels, one block [start, start + length) of k. */
function multiplyRows(
  a: usize,
  transA: i32,
  m: i32,
  k: i32,
  start: i32,
  length: i32,
  first: i32,
  rows: i32,
  panels: usize,
  columns: i32,
  y: usize,
  ldy: usize,
  accumulate: bool,
  own: usize,
): void {
  let from = at(a, first * k + start);
  let lda = <usize> k << 2;
  if (transA) {
    from = own + 256;
    lda = <usize> length << 2;
    const stored = at(a, start * m + first);
    transposeBlock(stored, <usize> m << 2, rows, length, from, lda);
  } else if (length < k) {
    // Rows a multiple of 4 KiB apart would push each other out of the cache.
    const packed = own + 256;
    for (let i: i32 = 0; i < rows; i++) {
      copyFloats(from + <usize> i * lda, at(packed, i * length), length);
    }
    from = packed;
    lda = <usize> length << 2;
  }
  product(from, lda, panels, rows, columns, length, y, ldy, accumulate, own);
}

/** Multiplies with the panels that {@linkcode matmulPack} made. */
export function matmulMultiply(
  a: usize,
  panels: usize,
  bias: usize,
  residual: usize,
  y: usize,
  pre: usize,
  own: usize,
  ownBytes: i32,
  transA: i32,
  m: i32,
  n: i32,
  k: i32,
  block: i32,
  group: i32,
  alpha: f32,
  activation: i32,
  thread: i32,
  threads: i32,
): void {
  own += <usize> thread * <usize> ownBytes;
  const ld = <usize> n << 2;
  const count = panelCount(n);
  const strips = (m + 5) / 6;
  const byRows = strips >= 4 * threads;
  const firstRow = byRows ? share(strips, thread, threads) * 6 : 0;
  const lastRow = byRows ? min(share(strips, thread + 1, threads) * 6, m) : m;
  const firstPanel = byRows ? 0 : share(count, thread, threads);
  const lastPanel = byRows ? count : share(count, thread + 1, threads);
  for (let g: i32 = firstPanel; g < lastPanel; g += group) {
    const j = g * 8;
    const columns = min(min(g + group, lastPanel) * 8, n) - j;
    const shift = bias ? at(bias, j) : 0;
    for (let start: i32 = 0; start < k; start += block) {
      const length = min(k - start, block);
      const from = at(panels, panelFloats(start, n) + j * length);
      for (let i: i32 = firstRow; i < lastRow; i += ROWS) {
        const rows = min(lastRow - i, ROWS);
        const cell = i * n + j;
        const to = at(y, cell);
        // deno-fmt-ignore
        multiplyRows(a, transA, m, k, start, length, i, rows, from, columns, to, ld, start > 0, own);
        if (start + length < k) continue;
        const p = pre ? at(pre, cell) : 0;
        const more = residual ? at(residual, cell) : 0;
        epilogue(to, p, shift, more, rows, columns, ld, alpha, activation);
      }
    }
  }
}

/** One partial product for each chunk of k; B and A are packed on the way. */
export function matmulChunks(
  a: usize,
  b: usize,
  partials: usize,
  own: usize,
  ownBytes: i32,
  transA: i32,
  transB: i32,
  m: i32,
  n: i32,
  k: i32,
  chunk: i32,
  block: i32,
  thread: i32,
  threads: i32,
): void {
  own += <usize> thread * <usize> ownBytes;
  const panels = own + 256 + <usize> (ROWS * block << 2);
  const count = panelCount(n);
  const ld = <usize> n << 2;
  const chunks = (k + chunk - 1) / chunk;
  for (let c: i32 = thread; c < chunks; c += threads) {
    const first = c * chunk;
    const last = min(first + chunk, k);
    const y = at(partials, c * m * n);
    for (let start: i32 = first; start < last; start += block) {
      const length = min(last - start, block);
      packPanels(b, transB, n, k, start, length, 0, count, panels);
      for (let i: i32 = 0; i < m; i += ROWS) {
        const rows = min(m - i, ROWS);
        const to = at(y, i * n);
        const add = start > first;
        // deno-fmt-ignore
        multiplyRows(a, transA, m, k, start, length, i, rows, panels, n, to, ld, add, own);
      }
    }
  }
}

/** Adds the partial products in order and finishes the rows. */
export function matmulSum(
  partials: usize,
  bias: usize,
  residual: usize,
  y: usize,
  pre: usize,
  m: i32,
  n: i32,
  chunks: i32,
  alpha: f32,
  activation: i32,
  thread: i32,
  threads: i32,
): void {
  const first = share(m, thread, threads);
  const rows = share(m, thread + 1, threads) - first;
  const cell = first * n;
  const to = at(y, cell);
  copyFloats(at(partials, cell), to, rows * n);
  for (let c: i32 = 1; c < chunks; c++) {
    addFloats(at(partials, c * m * n + cell), to, rows * n);
  }
  const p = pre ? at(pre, cell) : 0;
  const more = residual ? at(residual, cell) : 0;
  epilogue(to, p, bias, more, rows, n, <usize> n << 2, alpha, activation);
}
