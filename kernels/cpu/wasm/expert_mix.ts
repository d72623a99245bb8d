/// <reference path="./globals.d.ts" />
/** The mixing of ALoRE's experts at rank width, and the gradient of S. */

import { take } from "./barrier.ts";
import { mixChunkOfFour, mixFour } from "./expert_mix_four.ts";
import {
  addFloats,
  at,
  clearFloats,
  copyFloats,
  madd,
  share,
  sumLanes,
} from "./simd.ts";

/** Rows that a thread takes at once; with n = r = 4 they fit the L1 cache. */
const ROWS: i32 = 32;

/**
 * y[t,b,e,:] = Σ_a S[e,a,b]·x[t,a,e,:], or with `transpose` y[t,a,e,:] =
 * Σ_b S[e,a,b]·x[t,b,e,:]; x and y (rows, n, n, r), S (n, n, n).
 */
export function expertMix(
  x: usize,
  scale: usize,
  y: usize,
  rows: i32,
  n: i32,
  r: i32,
  transpose: i32,
  _thread: i32,
  _threads: i32,
): void {
  const units = (rows + ROWS - 1) / ROWS;
  for (let unit = take(); unit < units; unit = take()) {
    const first = unit * ROWS, count = min(rows - first, ROWS);
    const from = at(x, first * n * n * r), to = at(y, first * n * n * r);
    if (n == 4 && r == 4) mixFour(from, scale, to, count, transpose);
    else mixRows(from, scale, to, count, n, r, transpose);
  }
}

function mixRows(
  from: usize,
  scale: usize,
  to: usize,
  rows: i32,
  n: i32,
  r: i32,
  transpose: i32,
): void {
  const inStep = transpose ? 1 : n, outStep = transpose ? n : 1;
  for (let t: i32 = 0; t < rows; t++) {
    for (let out: i32 = 0; out < n; out++) {
      for (let e: i32 = 0; e < n; e++) {
        const s = at(scale, e * n * n + out * outStep);
        const source = at(from, e * r);
        mixOne(source, s, at(to, (out * n + e) * r), n, r, inStep);
      }
    }
    from = at(from, n * n * r);
    to = at(to, n * n * r);
  }
}

/** `r` floats: Σ_i s[i·step]·x[i·n·r + …] over n terms. */
// @inline
function mixOne(
  x: usize,
  s: usize,
  y: usize,
  n: i32,
  r: i32,
  step: i32,
): void {
  let j: i32 = 0;
  for (; j + 4 <= r; j += 4) {
    let sum = f32x4.splat(0);
    for (let i: i32 = 0; i < n; i++) {
      const factor = v128.load32_splat(at(s, i * step));
      sum = madd(factor, v128.load(at(x, i * n * r + j)), sum);
    }
    v128.store(at(y, j), sum);
  }
  for (; j < r; j++) {
    let sum: f32 = 0;
    for (let i: i32 = 0; i < n; i++) {
      sum += load<f32>(at(s, i * step)) * load<f32>(at(x, i * n * r + j));
    }
    store<f32>(at(y, j), sum);
  }
}

/** dS of each chunk of rows: Σ_t Σ_r x[t,a,e,r]·dy[t,b,e,r]. */
export function expertMixChunks(
  x: usize,
  dy: usize,
  partials: usize,
  rows: i32,
  n: i32,
  r: i32,
  chunk: i32,
  _thread: i32,
  _threads: i32,
): void {
  const chunks = (rows + chunk - 1) / chunk;
  for (let c = take(); c < chunks; c = take()) {
    const first = c * chunk, count = min(rows - first, chunk);
    const from = at(x, first * n * n * r), slope = at(dy, first * n * n * r);
    let to = at(partials, c * n * n * n);
    if (n == 4 && r == 4) {
      mixChunkOfFour(from, slope, to, count);
      continue;
    }
    for (let e: i32 = 0; e < n; e++) {
      for (let a: i32 = 0; a < n; a++) {
        const left = at(from, (a * n + e) * r);
        for (let b: i32 = 0; b < n; b++) {
          const right = at(slope, (b * n + e) * r);
          store<f32>(to, dotRows(left, right, count, r, n * n * r));
          to += 4;
        }
      }
    }
  }
}

/** Σ over `count` rows, `step` floats apart, of the dot products of r. */
function dotRows(a: usize, b: usize, count: i32, r: i32, step: i32): f32 {
  let sum = f32x4.splat(0);
  let rest: f32 = 0;
  for (let t: i32 = 0; t < count; t++) {
    let j: i32 = 0;
    for (; j + 4 <= r; j += 4) {
      sum = madd(v128.load(at(a, j)), v128.load(at(b, j)), sum);
    }
    for (; j < r; j++) rest += load<f32>(at(a, j)) * load<f32>(at(b, j));
    a = at(a, step);
    b = at(b, step);
  }
  return sumLanes(sum) + rest;
}

/** Adds the chunks in order (+ addend); each thread has elements. */
export function expertMixSum(
  partials: usize,
  addend: usize,
  y: usize,
  count: i32,
  chunks: i32,
  thread: i32,
  threads: i32,
): void {
  const first = share(count, thread, threads);
  const own = share(count, thread + 1, threads) - first;
  const to = at(y, first);
  if (addend) copyFloats(at(addend, first), to, own);
  else clearFloats(to, own);
  for (let c: i32 = 0; c < chunks; c++) {
    addFloats(at(partials, c * count + first), to, own);
  }
}
