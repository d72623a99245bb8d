/// <reference path="./globals.d.ts" />
/**
 * A linear layer by groups, and its gradients: groups of n outputs see k
 * inputs each, with few of both, so that memory is the limit. A row whose
 * channels are shuffled is put in order first, in scratch space.
 */

import { addFloats, at, clearFloats, copyFloats, share } from "./simd.ts";

/** Rows whose products are added before the sum joins the total. */
const BLOCK: i32 = 64;

/** The channel at position `p` of the groups' inputs. */
// @inline
function channel(p: i32, groups: i32, k: i32): i32 {
  return p % groups * k + p / groups;
}

/** Puts positions [first, end) of a row in order; returns where they are. */
function ordered(
  row: usize,
  own: usize,
  groups: i32,
  k: i32,
  shuffle: i32,
  first: i32,
  end: i32,
): usize {
  if (!shuffle) return row;
  let c = channel(first, groups, k);
  for (let p = first; p < end; p++) {
    store<f32>(at(own, p), load<f32>(at(row, c)));
    c += k;
    // The next column of the table starts where this one did, one further on.
    if (c >= groups * k) c = c % k + 1;
  }
  return own;
}

/** y (m, G·n) = x (m, G·k) by groups with w (G·n, k), + bias, + residual. */
export function groupedLinear(
  x: usize,
  w: usize,
  bias: usize,
  residual: usize,
  y: usize,
  scratch: usize,
  bytes: usize,
  m: i32,
  groups: i32,
  k: i32,
  n: i32,
  shuffle: i32,
  thread: i32,
  threads: i32,
): void {
  const own = scratch + <usize> thread * bytes;
  const end = share(m, thread + 1, threads);
  for (let row = share(m, thread, threads); row < end; row++) {
    const line = at(x, row * groups * k);
    const inputs = ordered(line, own, groups, k, shuffle, 0, groups * k);
    const to = at(y, row * groups * n);
    const plus = residual ? at(residual, row * groups * n) : 0;
    let weight = w;
    for (let g: i32 = 0; g < groups; g++) {
      const from = at(inputs, g * k);
      for (let j = g * n; j < (g + 1) * n; j++) {
        let sum: f32 = bias ? load<f32>(at(bias, j)) : 0;
        for (let l: i32 = 0; l < k; l++) {
          sum += load<f32>(weight) * load<f32>(at(from, l));
          weight += 4;
        }
        if (plus) sum += load<f32>(at(plus, j));
        store<f32>(at(to, j), sum);
      }
    }
  }
}

/** dx (m, G·k) from dy (m, G·n) (+ addend). */
export function groupedInputGradient(
  dy: usize,
  w: usize,
  addend: usize,
  dx: usize,
  m: i32,
  groups: i32,
  k: i32,
  n: i32,
  shuffle: i32,
  thread: i32,
  threads: i32,
): void {
  const end = share(m, thread + 1, threads);
  for (let row = share(m, thread, threads); row < end; row++) {
    const from = at(dy, row * groups * n);
    const to = at(dx, row * groups * k);
    const plus = addend ? at(addend, row * groups * k) : 0;
    let c: i32 = 0;
    for (let g: i32 = 0; g < groups; g++) {
      const slopes = at(from, g * n);
      const block = at(w, g * n * k);
      for (let l: i32 = 0; l < k; l++) {
        let weight = at(block, l);
        let sum: f32 = plus ? load<f32>(at(plus, c)) : 0;
        for (let j: i32 = 0; j < n; j++) {
          sum += load<f32>(at(slopes, j)) * load<f32>(weight);
          weight = at(weight, k);
        }
        store<f32>(at(to, c), sum);
        c += shuffle ? k : 1;
        if (shuffle && c >= groups * k) c = c % k + 1;
      }
    }
  }
}

/** dw (G·n, k) = Σ over the rows of dy·x (+ addend); each thread has groups. */
export function groupedWeightGradient(
  dy: usize,
  x: usize,
  addend: usize,
  dw: usize,
  scratch: usize,
  bytes: usize,
  m: i32,
  groups: i32,
  k: i32,
  n: i32,
  shuffle: i32,
  thread: i32,
  threads: i32,
): void {
  const own = scratch + <usize> thread * bytes;
  const sums = at(own, groups * k);
  const first = share(groups, thread, threads);
  const end = share(groups, thread + 1, threads);
  const count = (end - first) * n * k;
  const total = at(dw, first * n * k);
  if (addend) copyFloats(at(addend, first * n * k), total, count);
  else clearFloats(total, count);
  for (let block: i32 = 0; block < m; block += BLOCK) {
    clearFloats(sums, count);
    const last = min(block + BLOCK, m);
    for (let row = block; row < last; row++) {
      const line = at(x, row * groups * k);
      const inputs = ordered(line, own, groups, k, shuffle, first * k, end * k);
      const from = at(dy, row * groups * n);
      let sum = sums;
      for (let g = first; g < end; g++) {
        const seen = at(inputs, g * k);
        for (let j = g * n; j < (g + 1) * n; j++) {
          const slope = load<f32>(at(from, j));
          for (let l: i32 = 0; l < k; l++) {
            store<f32>(sum, load<f32>(sum) + slope * load<f32>(at(seen, l)));
            sum += 4;
          }
        }
      }
    }
    addFloats(sums, total, count);
  }
}
