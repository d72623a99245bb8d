/// <reference path="./globals.d.ts" />
/** Depthwise convolution of channels-last maps, and the gradient of its weight. */

import { at, clearFloats, copyFloats, madd, share } from "./simd.ts";

/**
 * y (B, S, S, C) = x convolved with weight (k, k, C) (+ bias) (+ residual);
 * `flip` reads the weight backwards. C is a multiple of 4.
 */
export function depthwiseConv(
  x: usize,
  weight: usize,
  bias: usize,
  residual: usize,
  y: usize,
  batch: i32,
  size: i32,
  channels: i32,
  kernel: i32,
  flip: i32,
  thread: i32,
  threads: i32,
): void {
  const pad = kernel >> 1;
  const tap = <usize> channels << 2;
  const next = flip ? 0 - tap : tap;
  const first = flip ? at(weight, (kernel * kernel - 1) * channels) : weight;
  const end = share(batch * size, thread + 1, threads);
  for (let row = share(batch * size, thread, threads); row < end; row++) {
    const line = row % size;
    const top = max(0, pad - line), bottom = min(kernel, size + pad - line);
    for (let c: i32 = 0; c < channels; c += 4) {
      const start = bias ? v128.load(at(bias, c)) : f32x4.splat(0);
      // The tap (top, 0), and the column 0 of the line that it meets.
      const taps = at(first, c) + <usize> (top * kernel) * next;
      const source = at(x, (row + top - pad) * size * channels + c);
      let j: i32 = 0;
      while (j < size) {
        const to = (row * size + j) * channels + c;
        const more = residual ? at(residual, to) : 0;
        if (j >= pad && j + 4 + pad <= size) {
          const from = at(source, (j - pad) * channels);
          // deno-fmt-ignore
          convolveFour(from, taps, next, start, more, at(y, to), bottom - top, size, tap, kernel);
          j += 4;
        } else {
          const left = max(0, pad - j), right = min(kernel, size + pad - j);
          const from = at(source, (j + left - pad) * channels);
          let sum = start;
          for (let u: i32 = 0; u < bottom - top; u++) {
            let a = from + <usize> (u * size) * tap;
            let w = taps + <usize> (u * kernel + left) * next;
            for (let v = left; v < right; v++) {
              sum = madd(v128.load(a), v128.load(w), sum);
              a += tap;
              w += next;
            }
          }
          if (more) sum = f32x4.add(sum, v128.load(more));
          v128.store(at(y, to), sum);
          j++;
        }
      }
    }
  }
}

/** Four neighbours that no border cuts; `from` is the first one's first tap. */
// @inline
function convolveFour(
  from: usize,
  taps: usize,
  next: usize,
  start: v128,
  residual: usize,
  y: usize,
  lines: i32,
  size: i32,
  step: usize,
  kernel: i32,
): void {
  let s0 = start, s1 = start, s2 = start, s3 = start;
  for (let u: i32 = 0; u < lines; u++) {
    let a = from + <usize> (u * size) * step;
    let w = taps + <usize> (u * kernel) * next;
    for (let v: i32 = 0; v < kernel; v++) {
      const weight = v128.load(w);
      s0 = madd(v128.load(a), weight, s0);
      s1 = madd(v128.load(a + step), weight, s1);
      s2 = madd(v128.load(a + 2 * step), weight, s2);
      s3 = madd(v128.load(a + 3 * step), weight, s3);
      a += step;
      w += next;
    }
  }
  if (residual) {
    s0 = f32x4.add(s0, v128.load(residual));
    s1 = f32x4.add(s1, v128.load(residual + step));
    s2 = f32x4.add(s2, v128.load(residual + 2 * step));
    s3 = f32x4.add(s3, v128.load(residual + 3 * step));
  }
  v128.store(y, s0);
  v128.store(y + step, s1);
  v128.store(y + 2 * step, s2);
  v128.store(y + 3 * step, s3);
}

/** dweight (k, k, C) from dy and x (B, S, S, C) (+ addend). */
export function depthwiseConvWeightGradient(
  dy: usize,
  x: usize,
  addend: usize,
  dweight: usize,
  batch: i32,
  size: i32,
  channels: i32,
  kernel: i32,
  thread: i32,
  threads: i32,
): void {
  const pad = kernel >> 1;
  const groups = (channels + 15) >> 4;
  const end = share(kernel * kernel * groups, thread + 1, threads);
  let unit = share(kernel * kernel * groups, thread, threads);
  for (; unit < end; unit++) {
    const tap = unit / groups, c = unit % groups * 16;
    const count = min(16, channels - c);
    const to = at(dweight, tap * channels + c);
    if (addend) copyFloats(at(addend, tap * channels + c), to, count);
    else clearFloats(to, count);
    const down = tap / kernel - pad, right = tap % kernel - pad;
    const left = max(0, 0 - right);
    const columns = min(size, size - right) - left;
    const stop = min(size, size - down);
    for (let b: i32 = 0; b < batch; b++) {
      for (let i = max(0, 0 - down); i < stop; i++) {
        const place = ((b * size + i) * size + left) * channels + c;
        const other = place + (down * size + right) * channels;
        addRow(at(dy, place), at(x, other), columns, channels, count, to);
      }
    }
  }
}

/** to += Σ a·b over `columns` tokens, for `count` ≤ 16 channels. */
// @inline
function addRow(
  a: usize,
  b: usize,
  columns: i32,
  channels: i32,
  count: i32,
  to: usize,
): void {
  const step = <usize> channels << 2;
  if (count == 16) {
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
    for (let j: i32 = 0; j < columns; j++) {
      s0 = madd(v128.load(a), v128.load(b), s0);
      s1 = madd(v128.load(a, 16), v128.load(b, 16), s1);
      s2 = madd(v128.load(a, 32), v128.load(b, 32), s2);
      s3 = madd(v128.load(a, 48), v128.load(b, 48), s3);
      a += step;
      b += step;
    }
    v128.store(to, f32x4.add(v128.load(to), s0));
    v128.store(to, f32x4.add(v128.load(to, 16), s1), 16);
    v128.store(to, f32x4.add(v128.load(to, 32), s2), 32);
    v128.store(to, f32x4.add(v128.load(to, 48), s3), 48);
    return;
  }
  for (let c: i32 = 0; c < count; c += 4) {
    let sum = f32x4.splat(0);
    for (let j: i32 = 0; j < columns; j++) {
      const at4 = <usize> (j * channels + c) << 2;
      sum = madd(v128.load(a + at4), v128.load(b + at4), sum);
    }
    v128.store(at(to, c), f32x4.add(v128.load(at(to, c)), sum));
  }
}
