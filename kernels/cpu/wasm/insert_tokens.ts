/// <reference path="./globals.d.ts" />
/** Tokens put among others, and cut out again. */

import { at, clearFloats, copyFloats, share } from "./simd.ts";

/**
 * y (B, T - skip + count, d): x (B, T, d) with `count` prompts at `start`,
 * where `skip` tokens give way; prompts (sets, count, d), sets 1 or B.
 */
export function insertTokens(
  x: usize,
  prompts: usize,
  y: usize,
  batch: i32,
  tokens: i32,
  width: i32,
  start: i32,
  count: i32,
  skip: i32,
  sets: i32,
  thread: i32,
  threads: i32,
): void {
  const total = tokens - skip + count;
  const end = share(batch * total, thread + 1, threads);
  for (let row = share(batch * total, thread, threads); row < end; row++) {
    const image = row / total, token = row % total;
    const prompt = token - start;
    const to = at(y, row * width);
    if (prompt >= 0 && prompt < count) {
      const set = sets == 1 ? 0 : image;
      copyFloats(at(prompts, (set * count + prompt) * width), to, width);
    } else {
      const kept = image * tokens + (prompt < 0 ? token : token - count + skip);
      copyFloats(at(x, kept * width), to, width);
    }
  }
}

/** dx (B, T, d) from dy: the prompts cut out, zeros where x gave way. */
export function cutTokens(
  dy: usize,
  dx: usize,
  batch: i32,
  tokens: i32,
  width: i32,
  start: i32,
  count: i32,
  skip: i32,
  thread: i32,
  threads: i32,
): void {
  const total = tokens - skip + count;
  const end = share(batch * tokens, thread + 1, threads);
  for (let row = share(batch * tokens, thread, threads); row < end; row++) {
    const image = row / tokens, token = row % tokens;
    const to = at(dx, row * width);
    if (token >= start && token < start + skip) {
      clearFloats(to, width);
    } else {
      const from = image * total +
        (token < start ? token : token - skip + count);
      copyFloats(at(dy, from * width), to, width);
    }
  }
}
