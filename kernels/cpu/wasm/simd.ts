/// <reference path="./globals.d.ts" />
/**
 * Small vector helpers. `// @inline` becomes AssemblyScript's decorator when
 * the build reads the file, so that TypeScript's own tools accept the source.
 */

/** a·b + c, in one rounding where the machine and the binary allow it. */
// @inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD
    ? f32x4.relaxed_madd(a, b, c)
    : f32x4.add(f32x4.mul(a, b), c);
}

/** The address of element `index` of an array of four-byte elements. */
// @inline
export function at(pointer: usize, index: i32): usize {
  return pointer + (<usize> index << 2);
}

/** The first of `units` that belongs to `thread`; the next thread's ends it. */
// @inline
export function share(units: i32, thread: i32, threads: i32): i32 {
  return <i32> (<i64> units * <i64> thread / <i64> threads);
}

/** Like {@linkcode share} for elements: bounds are multiples of 16. */
// @inline
export function shareElements(count: i32, thread: i32, threads: i32): i32 {
  return min(share((count + 15) >> 4, thread, threads) << 4, count);
}

/** The first `count` (1 to 3) lanes from memory, zeros behind them. */
export function loadPart(pointer: usize, count: i32): v128 {
  let value = v128.load32_zero(pointer);
  if (count > 1) value = f32x4.replace_lane(value, 1, load<f32>(pointer, 4));
  if (count > 2) value = f32x4.replace_lane(value, 2, load<f32>(pointer, 8));
  return value;
}

/** Stores the first `count` (1 to 3) lanes. */
export function storePart(pointer: usize, value: v128, count: i32): void {
  store<f32>(pointer, f32x4.extract_lane(value, 0));
  if (count > 1) store<f32>(pointer, f32x4.extract_lane(value, 1), 4);
  if (count > 2) store<f32>(pointer, f32x4.extract_lane(value, 2), 8);
}

/** All ones in the first `count` lanes. */
// @inline
export function partMask(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
}

/** The sum of the lanes. */
// @inline
export function sumLanes(value: v128): f32 {
  return (f32x4.extract_lane(value, 0) + f32x4.extract_lane(value, 1)) +
    (f32x4.extract_lane(value, 2) + f32x4.extract_lane(value, 3));
}

/** The largest lane; NaN if there is one. */
// @inline
export function maxLanes(value: v128): f32 {
  return max(
    max(f32x4.extract_lane(value, 0), f32x4.extract_lane(value, 1)),
    max(f32x4.extract_lane(value, 2), f32x4.extract_lane(value, 3)),
  );
}

/** Copies `count` floats. */
export function copyFloats(from: usize, to: usize, count: i32): void {
  let i: i32 = 0;
  for (; i + 4 <= count; i += 4) v128.store(at(to, i), v128.load(at(from, i)));
  for (; i < count; i++) store<f32>(at(to, i), load<f32>(at(from, i)));
}

/** Sets `count` floats to zero. */
export function clearFloats(to: usize, count: i32): void {
  let i: i32 = 0;
  for (; i + 4 <= count; i += 4) v128.store(at(to, i), f32x4.splat(0));
  for (; i < count; i++) store<f32>(at(to, i), 0);
}

/** `to` += `from`, `count` floats. */
export function addFloats(from: usize, to: usize, count: i32): void {
  let i: i32 = 0;
  for (; i + 4 <= count; i += 4) {
    v128.store(
      at(to, i),
      f32x4.add(v128.load(at(to, i)), v128.load(at(from, i))),
    );
  }
  for (; i < count; i++) {
    store<f32>(at(to, i), load<f32>(at(to, i)) + load<f32>(at(from, i)));
  }
}
