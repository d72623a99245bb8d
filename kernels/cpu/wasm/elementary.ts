/// <reference path="./globals.d.ts" />
/** Exponential, logarithm and GELU. */

import { madd } from "./simd.ts";

// Constants live in memory: loading one into all lanes is much cheaper than
// making a vector of it.

/** Bounds and steps of exp's reduction to [-ln 2 / 2, ln 2 / 2]. */
const REDUCTION: usize = memory.data<f32>([
  -87, // below this the result is 0
  1.44269504, // 1 / ln 2
  12582912, // 1.5·2^23, which leaves a rounded sum in the low bits
  -0.693359375, // -ln 2, leading bits
  2.12194440e-4, // -ln 2, the rest
]);

/** exp on that range, highest power first: interpolated at Chebyshev nodes. */
const EXP: usize = memory.data<f32>([
  0.0013941213255748153,
  0.008375209756195545,
  0.04166635125875473,
  0.16666413843631744,
  0.5,
  1,
  1,
]);

/**
 * Φ(x) - 1/2 = x·P(x²)/Q(x²), found by weighted least squares with the largest
 * error in mind: 7e-9, and 2.2e-7 with rounding, where float32 itself has 3e-8.
 * First the bound of |x|, where the quotient is 1/2 exactly; then P and Q,
 * highest power first.
 */
const DISTRIBUTION: usize = memory.data<f32>([
  5.554999828338623,
  2.2146304345938006e-8,
  6.3561856222804636e-6,
  0.00017382299120072275,
  0.004707088228315115,
  0.03437354788184166,
  0.398942232131958,
  1.1802155768236844e-6,
  7.509222632506862e-5,
  0.0019128216663375497,
  0.02893858589231968,
  0.2528274357318878,
  1,
  0.5,
]);

/** Φ(x) + x·φ(x) - 1/2 in the same form: 3e-8, and 2.4e-7 with rounding. */
const SLOPE: usize = memory.data<f32>([
  6.078000068664551,
  -1.3783502984809903e-11,
  2.505596174984248e-9,
  -7.246285349538084e-8,
  3.3245047234231606e-5,
  -0.00013140818919055164,
  0.01449713483452797,
  -0.04047553613781929,
  0.7978848218917847,
  5.869650976819685e-6,
  0.00015427339531015605,
  0.003007523249834776,
  0.037364859133958817,
  0.28260770440101624,
  1,
  0.5,
]);

/** A constant in every lane. */
// @inline
function constant(table: usize, index: usize): v128 {
  return v128.load32_splat(table + (index << 2));
}

/**
 * exp of each lane, relative error below 2e-7, for x ≤ 88; 0 below -87. NaN
 * stays NaN.
 */
// @inline
export function exp4(x: v128): v128 {
  // Unlike max, pmax is one instruction; NaN as its first operand stays.
  const bounded = f32x4.pmax(x, constant(REDUCTION, 0));
  const magic = constant(REDUCTION, 2);
  const shifted = madd(bounded, constant(REDUCTION, 1), magic);
  const whole = f32x4.sub(shifted, magic);
  let rest = madd(whole, constant(REDUCTION, 3), bounded);
  rest = madd(whole, constant(REDUCTION, 4), rest);
  let value = madd(constant(EXP, 0), rest, constant(EXP, 1));
  value = madd(value, rest, constant(EXP, 2));
  value = madd(value, rest, constant(EXP, 3));
  value = madd(value, rest, constant(EXP, 4));
  value = madd(value, rest, constant(EXP, 5));
  value = madd(value, rest, constant(EXP, 6));
  const power = i32x4.add(i32x4.shl(shifted, 23), constant(EXP, 6));
  const tiny = f32x4.lt(x, constant(REDUCTION, 0));
  return v128.andnot(f32x4.mul(value, power), tiny);
}

/** The natural logarithm of a positive number; NaN and infinity stay. */
export function log(x: f64): f64 {
  if (!(x < Infinity)) return x;
  const bits = reinterpret<i64>(x);
  let exponent = <i32> (bits >> 52) - 1023;
  let fraction = reinterpret<f64>(
    (bits & 0x000fffffffffffff) | 0x3ff0000000000000,
  );
  if (fraction > 1.4142135623730951) {
    fraction *= 0.5;
    exponent++;
  }
  // log m = 2 artanh s, |s| ≤ 0.172.
  const s = (fraction - 1) / (fraction + 1);
  const z = s * s;
  let sum: f64 = 1.0 / 15;
  sum = sum * z + 1.0 / 13;
  sum = sum * z + 1.0 / 11;
  sum = sum * z + 1.0 / 9;
  sum = sum * z + 1.0 / 7;
  sum = sum * z + 1.0 / 5;
  sum = sum * z + 1.0 / 3;
  sum = sum * z + 1;
  return <f64> exponent * 0.6931471805599453 + 2 * s * sum;
}

/** x within ±bound; NaN stays NaN. */
// @inline
function bounded4(x: v128, bound: v128): v128 {
  const low = f32x4.sub(f32x4.splat(0), bound);
  return f32x4.pmax(f32x4.pmin(x, bound), low);
}

/** The exact GELU, x·Φ(x). */
// @inline
export function gelu4(x: v128): v128 {
  const bounded = bounded4(x, constant(DISTRIBUTION, 0));
  const t = f32x4.mul(bounded, bounded);
  let p = madd(constant(DISTRIBUTION, 1), t, constant(DISTRIBUTION, 2));
  let q = madd(constant(DISTRIBUTION, 7), t, constant(DISTRIBUTION, 8));
  p = madd(p, t, constant(DISTRIBUTION, 3));
  q = madd(q, t, constant(DISTRIBUTION, 9));
  p = madd(p, t, constant(DISTRIBUTION, 4));
  q = madd(q, t, constant(DISTRIBUTION, 10));
  p = madd(p, t, constant(DISTRIBUTION, 5));
  q = madd(q, t, constant(DISTRIBUTION, 11));
  p = madd(p, t, constant(DISTRIBUTION, 6));
  q = madd(q, t, constant(DISTRIBUTION, 12));
  const odd = f32x4.div(f32x4.mul(p, bounded), q);
  return f32x4.mul(x, f32x4.add(odd, constant(DISTRIBUTION, 13)));
}

/** Its derivative, Φ(x) + x·φ(x). */
// @inline
export function geluSlope4(x: v128): v128 {
  const bounded = bounded4(x, constant(SLOPE, 0));
  const t = f32x4.mul(bounded, bounded);
  let p = madd(constant(SLOPE, 1), t, constant(SLOPE, 2));
  p = madd(p, t, constant(SLOPE, 3));
  p = madd(p, t, constant(SLOPE, 4));
  let q = madd(constant(SLOPE, 9), t, constant(SLOPE, 10));
  p = madd(p, t, constant(SLOPE, 5));
  q = madd(q, t, constant(SLOPE, 11));
  p = madd(p, t, constant(SLOPE, 6));
  q = madd(q, t, constant(SLOPE, 12));
  p = madd(p, t, constant(SLOPE, 7));
  q = madd(q, t, constant(SLOPE, 13));
  p = madd(p, t, constant(SLOPE, 8));
  q = madd(q, t, constant(SLOPE, 14));
  const odd = f32x4.div(f32x4.mul(p, bounded), q);
  return f32x4.add(odd, constant(SLOPE, 15));
}

/** gelu4 of eight floats at once: each constant is loaded for both halves. */
// @inline
export function gelu8(from: usize, to: usize): void {
  const x = v128.load(from), y = v128.load(from, 16);
  const a = bounded4(x, constant(DISTRIBUTION, 0));
  const b = bounded4(y, constant(DISTRIBUTION, 0));
  const s = f32x4.mul(a, a), t = f32x4.mul(b, b);
  let c = constant(DISTRIBUTION, 1), d = constant(DISTRIBUTION, 2);
  let p = madd(c, s, d), q = madd(c, t, d);
  c = constant(DISTRIBUTION, 3);
  p = madd(p, s, c);
  q = madd(q, t, c);
  c = constant(DISTRIBUTION, 4);
  p = madd(p, s, c);
  q = madd(q, t, c);
  c = constant(DISTRIBUTION, 5);
  p = madd(p, s, c);
  q = madd(q, t, c);
  c = constant(DISTRIBUTION, 6);
  p = madd(p, s, c);
  q = madd(q, t, c);
  p = f32x4.mul(p, a);
  q = f32x4.mul(q, b);
  c = constant(DISTRIBUTION, 7);
  d = constant(DISTRIBUTION, 8);
  let u = madd(c, s, d), v = madd(c, t, d);
  c = constant(DISTRIBUTION, 9);
  u = madd(u, s, c);
  v = madd(v, t, c);
  c = constant(DISTRIBUTION, 10);
  u = madd(u, s, c);
  v = madd(v, t, c);
  c = constant(DISTRIBUTION, 11);
  u = madd(u, s, c);
  v = madd(v, t, c);
  c = constant(DISTRIBUTION, 12);
  u = madd(u, s, c);
  v = madd(v, t, c);
  c = constant(DISTRIBUTION, 13);
  p = f32x4.add(f32x4.div(p, u), c);
  q = f32x4.add(f32x4.div(q, v), c);
  v128.store(to, f32x4.mul(v128.load(from), p));
  v128.store(to, f32x4.mul(v128.load(from, 16), q), 16);
}

/** dx = dy·geluSlope4(x) of eight floats at once. */
// @inline
export function geluSlope8(from: usize, dy: usize, to: usize): void {
  const x = v128.load(from), y = v128.load(from, 16);
  const a = bounded4(x, constant(SLOPE, 0));
  const b = bounded4(y, constant(SLOPE, 0));
  const s = f32x4.mul(a, a), t = f32x4.mul(b, b);
  let c = constant(SLOPE, 1), d = constant(SLOPE, 2);
  let p = madd(c, s, d), q = madd(c, t, d);
  c = constant(SLOPE, 3);
  p = madd(p, s, c);
  q = madd(q, t, c);
  c = constant(SLOPE, 4);
  p = madd(p, s, c);
  q = madd(q, t, c);
  c = constant(SLOPE, 5);
  p = madd(p, s, c);
  q = madd(q, t, c);
  c = constant(SLOPE, 6);
  p = madd(p, s, c);
  q = madd(q, t, c);
  c = constant(SLOPE, 7);
  p = madd(p, s, c);
  q = madd(q, t, c);
  c = constant(SLOPE, 8);
  p = madd(p, s, c);
  q = madd(q, t, c);
  p = f32x4.mul(p, a);
  q = f32x4.mul(q, b);
  c = constant(SLOPE, 9);
  d = constant(SLOPE, 10);
  let u = madd(c, s, d), v = madd(c, t, d);
  c = constant(SLOPE, 11);
  u = madd(u, s, c);
  v = madd(v, t, c);
  c = constant(SLOPE, 12);
  u = madd(u, s, c);
  v = madd(v, t, c);
  c = constant(SLOPE, 13);
  u = madd(u, s, c);
  v = madd(v, t, c);
  c = constant(SLOPE, 14);
  u = madd(u, s, c);
  v = madd(v, t, c);
  c = constant(SLOPE, 15);
  p = f32x4.add(f32x4.div(p, u), c);
  q = f32x4.add(f32x4.div(q, v), c);
  v128.store(to, f32x4.mul(v128.load(dy), p));
  v128.store(to, f32x4.mul(v128.load(dy, 16), q), 16);
}
