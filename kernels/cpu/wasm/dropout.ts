/// <reference path="./globals.d.ts" />

import { at, loadPart, shareElements, storePart } from "./simd.ts";

/** keep = hash(index / group) ≥ rate; y = keep ? x / (1 - rate) : 0. */
export function dropout(
  x: usize,
  key: usize,
  y: usize,
  count: i32,
  rate: f32,
  site: i32,
  group: i32,
  thread: i32,
  threads: i32,
): void {
  const key0 = v128.load32_splat(key);
  const key1 = v128.load32_splat(key, 4);
  const factor = f32x4.splat(1 / (1 - rate));
  let i = shareElements(count, thread, threads);
  const end = shareElements(count, thread + 1, threads);
  for (; i < end; i += 4) {
    const part = end - i;
    const value = part < 4 ? loadPart(at(x, i), part) : v128.load(at(x, i));
    const uniform = uniform4(indices(i, group), key0, key1, i32x4.splat(site));
    const keep = f32x4.ge(uniform, f32x4.splat(rate));
    const kept = v128.and(f32x4.mul(value, factor), keep);
    if (part < 4) storePart(at(y, i), kept, part);
    else v128.store(at(y, i), kept);
  }
}

/** `index` to `index + 3`, or the groups that they are in. */
// @inline
function indices(index: i32, group: i32): v128 {
  if (group === 1) return i32x4.add(i32x4.splat(index), i32x4(0, 1, 2, 3));
  let groups = i32x4.splat(index / group);
  groups = i32x4.replace_lane(groups, 1, (index + 1) / group);
  groups = i32x4.replace_lane(groups, 2, (index + 2) / group);
  return i32x4.replace_lane(groups, 3, (index + 3) / group);
}

/** Hashes of four indices as numbers in [0, 1). */
// @inline
function uniform4(index: v128, key0: v128, key1: v128, site: v128): v128 {
  let h = v128.xor(index, key0);
  h = i32x4.mul(h, i32x4.splat(0x9E3779B1));
  h = v128.xor(h, i32x4.shr_u(h, 15));
  h = i32x4.add(h, key1);
  h = i32x4.mul(h, i32x4.splat(0x85EBCA77));
  h = v128.xor(h, i32x4.shr_u(h, 13));
  h = i32x4.add(h, site);
  h = i32x4.mul(h, i32x4.splat(0xC2B2AE3D));
  h = v128.xor(h, i32x4.shr_u(h, 16));
  const high = f32x4.convert_i32x4_s(i32x4.shr_u(h, 8));
  return f32x4.mul(high, f32x4.splat(5.9604644775390625e-8));
}
