/// <reference path="./globals.d.ts" />
/** Images to rows of patches, and back. */

import { at, copyFloats, share } from "./simd.ts";

/** Copies between images (B, C, S, S) and y (B, N, C·p·p). */
function movePatches(
  images: usize,
  y: usize,
  batch: i32,
  channels: i32,
  size: i32,
  patch: i32,
  back: bool,
  thread: i32,
  threads: i32,
): void {
  const side = size / patch;
  const count = batch * side * side;
  const end = share(count, thread + 1, threads);
  for (let i = share(count, thread, threads); i < end; i++) {
    const image = i / (side * side);
    const down = i / side % side, right = i % side;
    let row = at(y, i * channels * patch * patch);
    for (let c: i32 = 0; c < channels; c++) {
      for (let py: i32 = 0; py < patch; py++) {
        const line = (image * channels + c) * size + down * patch + py;
        const pixels = at(images, line * size + right * patch);
        if (back) copyFloats(row, pixels, patch);
        else copyFloats(pixels, row, patch);
        row = at(row, patch);
      }
    }
  }
}

/** y (B, N, C·p·p) from images (B, C, S, S). */
export function patches(
  images: usize,
  y: usize,
  batch: i32,
  channels: i32,
  size: i32,
  patch: i32,
  thread: i32,
  threads: i32,
): void {
  // deno-fmt-ignore
  movePatches(images, y, batch, channels, size, patch, false, thread, threads);
}

/** Images from y. */
export function unpatches(
  y: usize,
  images: usize,
  batch: i32,
  channels: i32,
  size: i32,
  patch: i32,
  thread: i32,
  threads: i32,
): void {
  movePatches(images, y, batch, channels, size, patch, true, thread, threads);
}
