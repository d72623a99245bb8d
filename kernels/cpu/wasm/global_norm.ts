/// <reference path="./globals.d.ts" />
/** The Euclidean norm of all gradients, summed in f64. */

import { at } from "./simd.ts";

/** Elements of a partial sum. */
const CHUNK: i32 = 16384;

/** Σ g² of each chunk, as f64. */
export function normChunks(
  g: usize,
  partials: usize,
  count: i32,
  thread: i32,
  threads: i32,
): void {
  const chunks = (count + CHUNK - 1) / CHUNK;
  for (let c = thread; c < chunks; c += threads) {
    const end = min((c + 1) * CHUNK, count);
    let i = c * CHUNK;
    let low = f64x2.splat(0), high = low;
    for (; i + 4 <= end; i += 4) {
      const value = v128.load(at(g, i));
      const a = f64x2.promote_low_f32x4(value);
      const b = f64x2.promote_low_f32x4(
        v128.shuffle<f32>(value, value, 2, 3, 2, 3),
      );
      low = f64x2.add(low, f64x2.mul(a, a));
      high = f64x2.add(high, f64x2.mul(b, b));
    }
    low = f64x2.add(low, high);
    let sum = f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1);
    for (; i < end; i++) {
      const value = <f64> load<f32>(at(g, i));
      sum += value * value;
    }
    store<f64>(partials + (<usize> c << 3), sum);
  }
}

/** The square root of the sum of the partial sums. */
export function normFinish(
  partials: usize,
  norm: usize,
  count: i32,
  thread: i32,
  _threads: i32,
): void {
  if (thread != 0) return;
  const chunks = (count + CHUNK - 1) / CHUNK;
  let sum: f64 = 0;
  for (let c: i32 = 0; c < chunks; c++) {
    sum += load<f64>(partials + (<usize> c << 3));
  }
  store<f32>(norm, <f32> sqrt<f64>(sum));
}
