/// <reference path="./globals.d.ts" />

import { at, loadPart, madd, shareElements, storePart } from "./simd.ts";

/**
 * One AdamW step (Loshchilov and Hutter, arXiv 1711.05101), in place.
 *
 * `settings` holds lr, beta1, beta2, eps, weight_decay, clip, 1 - beta1^n and
 * 1 - beta2^n. Nothing changes if the norm of the gradients is not finite.
 */
export function adamw(
  param: usize,
  grad: usize,
  m: usize,
  v: usize,
  norm: usize,
  settings: usize,
  count: i32,
  thread: i32,
  threads: i32,
): void {
  if ((load<i32>(norm) & 0x7f800000) == 0x7f800000) return;
  const lr = load<f32>(settings), clip = load<f32>(settings, 20);
  let factor: f32 = 1;
  if (clip > 0) factor = min<f32>(1, clip / (load<f32>(norm) + 1e-6));
  const scale = f32x4.splat(factor);
  const beta1 = v128.load32_splat(settings, 4);
  const beta2 = v128.load32_splat(settings, 8);
  const rest1 = f32x4.sub(f32x4.splat(1), beta1);
  const rest2 = f32x4.sub(f32x4.splat(1), beta2);
  const eps = v128.load32_splat(settings, 12);
  const keep = f32x4.splat(1 - lr * load<f32>(settings, 16));
  const step = f32x4.splat(lr / load<f32>(settings, 24));
  const correction = v128.load32_splat(settings, 28);
  let i = shareElements(count, thread, threads);
  const end = shareElements(count, thread + 1, threads);
  for (; i < end; i += 4) {
    const part = end - i;
    const g = f32x4.mul(lanes(at(grad, i), part), scale);
    const mean = madd(lanes(at(m, i), part), beta1, f32x4.mul(g, rest1));
    const square = f32x4.mul(f32x4.mul(g, g), rest2);
    const variance = madd(lanes(at(v, i), part), beta2, square);
    const root = f32x4.sqrt(f32x4.div(variance, correction));
    const change = f32x4.div(f32x4.mul(mean, step), f32x4.add(root, eps));
    const kept = f32x4.mul(lanes(at(param, i), part), keep);
    put(at(m, i), mean, part);
    put(at(v, i), variance, part);
    put(at(param, i), f32x4.sub(kept, change), part);
  }
}

// @inline
function lanes(from: usize, part: i32): v128 {
  return part < 4 ? loadPart(from, part) : v128.load(from);
}

// @inline
function put(to: usize, value: v128, part: i32): void {
  if (part < 4) storePart(to, value, part);
  else v128.store(to, value);
}
