/// <reference path="./globals.d.ts" />
/** Kernels that move whole tokens (rows of `width` floats). */

import { addFloats, at, clearFloats, copyFloats, share } from "./simd.ts";

/** y (B, T, d) = concat(cls, x) + position, T = tokens. */
export function embedTokens(
  x: usize,
  cls: usize,
  position: usize,
  y: usize,
  batch: i32,
  tokens: i32,
  width: i32,
  thread: i32,
  threads: i32,
): void {
  const end = share(batch * tokens, thread + 1, threads);
  for (let row = share(batch * tokens, thread, threads); row < end; row++) {
    const image = row / tokens, token = row % tokens;
    const patch = image * (tokens - 1) + token - 1;
    const to = at(y, row * width);
    copyFloats(at(position, token * width), to, width);
    addFloats(token == 0 ? cls : at(x, patch * width), to, width);
  }
}

/** y (B, count, d): tokens [start, start + count) of x (B, T, d). */
export function takeTokens(
  x: usize,
  y: usize,
  batch: i32,
  tokens: i32,
  width: i32,
  start: i32,
  count: i32,
  thread: i32,
  threads: i32,
): void {
  const end = share(batch * count, thread + 1, threads);
  for (let row = share(batch * count, thread, threads); row < end; row++) {
    const from = row / count * tokens + start + row % count;
    copyFloats(at(x, from * width), at(y, row * width), width);
  }
}

/** y (B, T, d): x (B, count, d) at `start`, zeros elsewhere (+ addend). */
export function padTokens(
  x: usize,
  addend: usize,
  y: usize,
  batch: i32,
  tokens: i32,
  width: i32,
  start: i32,
  count: i32,
  thread: i32,
  threads: i32,
): void {
  const end = share(batch * tokens, thread + 1, threads);
  for (let row = share(batch * tokens, thread, threads); row < end; row++) {
    const token = row % tokens - start;
    const inside = token >= 0 && token < count;
    const from = at(x, (row / tokens * count + token) * width);
    const to = at(y, row * width);
    if (addend) copyFloats(at(addend, row * width), to, width);
    if (inside && addend) addFloats(from, to, width);
    else if (inside) copyFloats(from, to, width);
    else if (!addend) clearFloats(to, width);
  }
}
