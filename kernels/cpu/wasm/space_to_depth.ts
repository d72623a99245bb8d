/// <reference path="./globals.d.ts" />
/** Squares of tokens to one token each, and back. */

import { at, clearFloats, copyFloats, share } from "./simd.ts";

/** Copies `count` floats, from and to every `stepFrom`-th and `stepTo`-th. */
function copyStrided(
  from: usize,
  stepFrom: i32,
  to: usize,
  stepTo: i32,
  count: i32,
): void {
  for (let i: i32 = 0; i < count; i++) {
    store<f32>(at(to, i * stepTo), load<f32>(at(from, i * stepFrom)));
  }
}

/** Where a token's first channel is in its square's. */
// @inline
function placeInside(
  row: i32,
  column: i32,
  channels: i32,
  patch: i32,
  merge: i32,
): i32 {
  if (merge) return (column * patch + row) * channels;
  return row * patch + column;
}

/** y (B, O², p²·C) from x (B, S², C); with `merge` O = S / p is rounded up. */
export function spaceToDepth(
  x: usize,
  y: usize,
  batch: i32,
  size: i32,
  channels: i32,
  patch: i32,
  merge: i32,
  thread: i32,
  threads: i32,
): void {
  const out = merge ? (size + patch - 1) / patch : size / patch;
  const square = patch * patch, count = batch * out * out;
  const end = share(count, thread + 1, threads);
  for (let token = share(count, thread, threads); token < end; token++) {
    const image = token / (out * out);
    const top = token / out % out * patch, left = token % out * patch;
    for (let i: i32 = 0; i < square; i++) {
      const row = i / patch, column = i % patch;
      const inside = placeInside(row, column, channels, patch, merge);
      const to = at(y, token * square * channels + inside);
      const u = top + row, v = left + column;
      const from = at(x, ((image * size + u) * size + v) * channels);
      if (u >= size || v >= size) clearFloats(to, channels);
      else if (merge) copyFloats(from, to, channels);
      else copyStrided(from, 1, to, square, channels);
    }
  }
}

/** x from y, zeros where nothing was gathered. */
export function depthToSpace(
  y: usize,
  x: usize,
  batch: i32,
  size: i32,
  channels: i32,
  patch: i32,
  merge: i32,
  thread: i32,
  threads: i32,
): void {
  const out = merge ? (size + patch - 1) / patch : size / patch;
  const square = patch * patch, count = batch * size * size;
  const end = share(count, thread + 1, threads);
  for (let token = share(count, thread, threads); token < end; token++) {
    const image = token / (size * size);
    const u = token / size % size, v = token % size;
    const into = (image * out + u / patch) * out + v / patch;
    const inside = placeInside(u % patch, v % patch, channels, patch, merge);
    const from = at(y, into * square * channels + inside);
    const to = at(x, token * channels);
    if (u >= out * patch || v >= out * patch) clearFloats(to, channels);
    else if (merge) copyFloats(from, to, channels);
    else copyStrided(from, square, to, 1, channels);
  }
}
