/// <reference path="./globals.d.ts" />
/**
 * A linear layer by groups, and its gradients: groups of n outputs see k
 * inputs each, with few of both, so that memory is the limit.
 */

import { at, share } from "./simd.ts";

/** Rows whose products are added before the sum joins the total. */
const BLOCK: i32 = 64;

/** The channel at position `p` of the groups' inputs. */
// @inline
function channel(p: i32, groups: i32, k: i32, shuffle: i32): i32 {
  return shuffle ? p % groups * k + p / groups : p;
}

/** y (m, G·n) = x (m, G·k) by groups with w (G·n, k), + bias, + residual. */
export function groupedLinear(
  x: usize,
  w: usize,
  bias: usize,
  residual: usize,
  y: usize,
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
    const from = at(x, row * groups * k);
    const to = at(y, row * groups * n);
    const plus = at(residual, row * groups * n);
    for (let j: i32 = 0; j < groups * n; j++) {
      const shift = bias ? load<f32>(at(bias, j)) : 0;
      store<f32>(at(to, j), residual ? shift + load<f32>(at(plus, j)) : shift);
    }
    for (let g: i32 = 0; g < groups; g++) {
      for (let l: i32 = 0; l < k; l++) {
        const value = load<f32>(
          at(from, channel(g * k + l, groups, k, shuffle)),
        );
        for (let j = g * n; j < (g + 1) * n; j++) {
          const sum = load<f32>(at(to, j)) +
            value * load<f32>(at(w, j * k + l));
          store<f32>(at(to, j), sum);
        }
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
    for (let g: i32 = 0; g < groups; g++) {
      for (let l: i32 = 0; l < k; l++) {
        const c = row * groups * k + channel(g * k + l, groups, k, shuffle);
        let sum: f32 = addend ? load<f32>(at(addend, c)) : 0;
        for (let j = g * n; j < (g + 1) * n; j++) {
          sum += load<f32>(at(from, j)) * load<f32>(at(w, j * k + l));
        }
        store<f32>(at(dx, c), sum);
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
  m: i32,
  groups: i32,
  k: i32,
  n: i32,
  shuffle: i32,
  thread: i32,
  threads: i32,
): void {
  const first = share(groups * n, thread, threads);
  const end = share(groups * n, thread + 1, threads);
  for (let i = first * k; i < end * k; i++) {
    store<f32>(at(dw, i), addend ? load<f32>(at(addend, i)) : 0);
  }
  for (let row: i32 = 0; row < m; row += BLOCK) {
    const rows = min(m - row, BLOCK);
    for (let j = first; j < end; j++) {
      for (let l: i32 = 0; l < k; l++) {
        const c = channel(j / n * k + l, groups, k, shuffle);
        let sum: f32 = 0;
        for (let i = row; i < row + rows; i++) {
          sum += load<f32>(at(dy, i * groups * n + j)) *
            load<f32>(at(x, i * groups * k + c));
        }
        const to = at(dw, j * k + l);
        store<f32>(to, load<f32>(to) + sum);
      }
    }
  }
}
