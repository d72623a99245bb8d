/// <reference path="./globals.d.ts" />
/**
 * y = activation(alpha·A·B + bias) + residual, in two ways.
 *
 * Usual: all threads pack B into panels, then multiply blocks of rows and
 * columns, block by block along k. Long k: each thread
 * takes chunks of k, then the chunks are added in order. Every sum runs in an
 * order that the sizes alone determine.
 */

import { take } from "./barrier.ts";
import { epilogue } from "./epilogue.ts";
import { packColumns, packRows, panelCount, panelFloats } from "./panels.ts";
import { product } from "./product.ts";
import { addFloats, at, copyFloats, share } from "./simd.ts";
import { packStrips, packStripsTransposed } from "./strips.ts";

/** Rows of A that are worked on at once. */
const ROWS: i32 = 50;

/** Columns that are finished at once, while they are in the L1 cache. */
const GROUP: i32 = 64;

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

/** Packs rows [first, first + rows) of A, columns [start, start + length). */
function packA(
  a: usize,
  transA: i32,
  m: i32,
  k: i32,
  start: i32,
  length: i32,
  first: i32,
  rows: i32,
  strips: usize,
): void {
  if (transA) {
    const from = at(a, start * m + first);
    packStripsTransposed(from, <usize> m << 2, rows, length, strips);
  } else {
    packStrips(at(a, first * k + start), <usize> k << 2, rows, length, strips);
  }
}

/**
 * Multiplies with the panels that {@linkcode matmulPack} made. A unit of work
 * is `ROWS` rows of `width` columns.
 */
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
  width: i32,
  alpha: f32,
  activation: i32,
  thread: i32,
  _threads: i32,
): void {
  own += <usize> thread * <usize> ownBytes;
  const strips = own + 256;
  const ld = <usize> n << 2;
  const across = (n + width - 1) / width;
  const units = (m + ROWS - 1) / ROWS * across;
  for (let unit = take(); unit < units; unit = take()) {
    const i = unit / across * ROWS, first = unit % across * width;
    const rows = min(m - i, ROWS), last = min(first + width, n);
    for (let start: i32 = 0; start < k; start += block) {
      const length = min(k - start, block);
      packA(a, transA, m, k, start, length, i, rows, strips);
      for (let j = first; j < last; j += GROUP) {
        const columns = min(last - j, GROUP);
        const from = at(panels, panelFloats(start, n) + j * length);
        const cell = i * n + j;
        const to = at(y, cell);
        // deno-fmt-ignore
        product(strips, from, rows, columns, length, to, ld, start > 0, own);
        if (start + length < k) continue;
        const p = pre ? at(pre, cell) : 0;
        const shift = bias ? at(bias, j) : 0;
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
  _threads: i32,
): void {
  own += <usize> thread * <usize> ownBytes;
  const strips = own + 256;
  const panels = at(strips, ROWS * block);
  const count = panelCount(n);
  const ld = <usize> n << 2;
  const chunks = (k + chunk - 1) / chunk;
  for (let c = take(); c < chunks; c = take()) {
    const first = c * chunk;
    const last = min(first + chunk, k);
    const y = at(partials, c * m * n);
    for (let start: i32 = first; start < last; start += block) {
      const length = min(last - start, block);
      packPanels(b, transB, n, k, start, length, 0, count, panels);
      for (let i: i32 = 0; i < m; i += ROWS) {
        const rows = min(m - i, ROWS);
        packA(a, transA, m, k, start, length, i, rows, strips);
        const to = at(y, i * n);
        product(strips, panels, rows, n, length, to, ld, start > first, own);
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
