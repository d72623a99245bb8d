/// <reference path="./globals.d.ts" />
/** Maps to windows after a cyclic shift, and back. */

import { addFloats, at, clearFloats, copyFloats, share } from "./simd.ts";

/** y (B·side², w², C) from x (B, S², C), zeros beyond the map. */
export function windowPartition(
  x: usize,
  y: usize,
  batch: i32,
  size: i32,
  channels: i32,
  window: i32,
  shift: i32,
  thread: i32,
  threads: i32,
): void {
  const side = (size + window - 1) / window;
  const square = window * window, count = batch * side * side * square;
  const end = share(count, thread + 1, threads);
  for (let token = share(count, thread, threads); token < end; token++) {
    const index = token / square, inside = token % square;
    const image = index / (side * side);
    const i = index / side % side * window + inside / window;
    const j = index % side * window + inside % window;
    const to = at(y, token * channels);
    if (i >= size || j >= size) {
      clearFloats(to, channels);
      continue;
    }
    const row = (image * size + (i + shift) % size) * size;
    copyFloats(at(x, (row + (j + shift) % size) * channels), to, channels);
  }
}

/** x from y (+ residual). */
export function windowReverse(
  y: usize,
  residual: usize,
  x: usize,
  batch: i32,
  size: i32,
  channels: i32,
  window: i32,
  shift: i32,
  thread: i32,
  threads: i32,
): void {
  const side = (size + window - 1) / window;
  const back = size - shift % size;
  const end = share(batch * size * size, thread + 1, threads);
  let token = share(batch * size * size, thread, threads);
  for (; token < end; token++) {
    const image = token / (size * size);
    const i = (token / size % size + back) % size;
    const j = (token % size + back) % size;
    const index = (image * side + i / window) * side + j / window;
    const place = (index * window + i % window) * window + j % window;
    const to = at(x, token * channels);
    copyFloats(at(y, place * channels), to, channels);
    if (residual) addFloats(at(residual, token * channels), to, channels);
  }
}
