/// <reference path="./globals.d.ts" />
/** Exponential, logarithm and the normal distribution. */

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
 * erfc(z) = exp(-z²)·t·P(t), t = 1 / (1 + 0.48 z): the form of Abramowitz and
 * Stegun 7.1.26. P, highest power first, interpolates at Chebyshev nodes for z
 * in [0, 6]; relative error 1.3e-8 before rounding.
 */
const ERFC: usize = memory.data<f32>([
  -0.05571892112493515,
  0.2967565357685089,
  -0.5855506658554077,
  0.45169246196746826,
  -0.12096849083900452,
  0.24408356845378876,
  0.22674722969532013,
  0.27221348881721497,
  0.27074477076530457,
]);

/** What the normal distribution needs besides. */
const NORMAL: usize = memory.data<f32>([
  0.33941125, // 0.48 / √2
  0.3989422804, // 1 / √(2π)
  -0.5,
  0.5,
  1,
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
  const bounded = f32x4.max(x, constant(REDUCTION, 0));
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

/** The standard normal distribution function Φ(x), given exp(-x²/2). */
// @inline
export function normalDistribution(x: v128, density: v128): v128 {
  const one = constant(NORMAL, 4);
  const t = f32x4.div(one, madd(f32x4.abs(x), constant(NORMAL, 0), one));
  let value = madd(constant(ERFC, 0), t, constant(ERFC, 1));
  value = madd(value, t, constant(ERFC, 2));
  value = madd(value, t, constant(ERFC, 3));
  value = madd(value, t, constant(ERFC, 4));
  value = madd(value, t, constant(ERFC, 5));
  value = madd(value, t, constant(ERFC, 6));
  value = madd(value, t, constant(ERFC, 7));
  value = madd(value, t, constant(ERFC, 8));
  const half = f32x4.mul(t, constant(NORMAL, 3));
  const tail = f32x4.mul(f32x4.mul(value, half), density);
  const negative = f32x4.lt(x, f32x4.splat(0));
  return v128.bitselect(tail, f32x4.sub(one, tail), negative);
}

/** exp(-x²/2). */
// @inline
export function gaussian(x: v128): v128 {
  return exp4(f32x4.mul(f32x4.mul(x, constant(NORMAL, 2)), x));
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
    f32x4.mul(x, constant(NORMAL, 1)),
    density,
    normalDistribution(x, density),
  );
}
