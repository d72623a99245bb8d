/// <reference path="./globals.d.ts" />
/** Exponential, logarithm and the normal distribution. */

import { madd } from "./simd.ts";

/**
 * exp of each lane, relative error below 2e-7, for x ≤ 88; 0 below -87. NaN
 * stays NaN.
 *
 * The polynomial interpolates exp on [-ln 2 / 2, ln 2 / 2] at Chebyshev nodes.
 */
// @inline
export function exp4(x: v128): v128 {
  const bounded = f32x4.max(x, f32x4.splat(-87));
  // Adding 1.5·2^23 leaves round(x / ln 2) in the low bits.
  const shifted = madd(
    bounded,
    f32x4.splat(1.44269504),
    f32x4.splat(12582912),
  );
  const whole = f32x4.sub(shifted, f32x4.splat(12582912));
  let rest = madd(whole, f32x4.splat(-0.693359375), bounded);
  rest = madd(whole, f32x4.splat(2.12194440e-4), rest);
  let value = madd(
    f32x4.splat(0.0013941213255748153),
    rest,
    f32x4.splat(0.008375209756195545),
  );
  value = madd(value, rest, f32x4.splat(0.04166635125875473));
  value = madd(value, rest, f32x4.splat(0.16666413843631744));
  value = madd(value, rest, f32x4.splat(0.5));
  value = madd(value, rest, f32x4.splat(1));
  value = madd(value, rest, f32x4.splat(1));
  const power = i32x4.add(i32x4.shl(shifted, 23), i32x4.splat(0x3f800000));
  const tiny = f32x4.lt(x, f32x4.splat(-87));
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

/**
 * The standard normal distribution function Φ(x), given exp(-x²/2).
 *
 * erfc(z) = exp(-z²)·t·P(t), t = 1 / (1 + 0.48 z) (the form of Abramowitz and
 * Stegun 7.1.26); P interpolates at Chebyshev nodes for z in [0, 6], relative
 * error 1.3e-8 before rounding.
 */
// @inline
export function normalDistribution(x: v128, density: v128): v128 {
  const t = f32x4.div(
    f32x4.splat(1),
    madd(f32x4.abs(x), f32x4.splat(0.33941125), f32x4.splat(1)),
  );
  let value = madd(
    f32x4.splat(-0.05571892112493515),
    t,
    f32x4.splat(0.2967565357685089),
  );
  value = madd(value, t, f32x4.splat(-0.5855506658554077));
  value = madd(value, t, f32x4.splat(0.45169246196746826));
  value = madd(value, t, f32x4.splat(-0.12096849083900452));
  value = madd(value, t, f32x4.splat(0.24408356845378876));
  value = madd(value, t, f32x4.splat(0.22674722969532013));
  value = madd(value, t, f32x4.splat(0.27221348881721497));
  value = madd(value, t, f32x4.splat(0.27074477076530457));
  value = f32x4.mul(value, t);
  const tail = f32x4.mul(f32x4.mul(value, f32x4.splat(0.5)), density);
  return v128.bitselect(
    tail,
    f32x4.sub(f32x4.splat(1), tail),
    f32x4.lt(x, f32x4.splat(0)),
  );
}

/** exp(-x²/2). */
// @inline
export function gaussian(x: v128): v128 {
  return exp4(f32x4.mul(f32x4.mul(x, f32x4.splat(-0.5)), x));
}

/** The exact GELU, x·Φ(x). */
// @inline
export function gelu4(x: v128): v128 {
  return f32x4.mul(x, normalDistribution(x, gaussian(x)));
}

/** Its derivative, Φ(x) + x·φ(x). */
// @inline
export function geluSlope4(x: v128): v128 {
  const density = gaussian(x);
  return madd(
    f32x4.mul(x, f32x4.splat(0.3989422804)),
    density,
    normalDistribution(x, density),
  );
}
