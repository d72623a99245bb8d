/**
 * y = x·Φ(x) and dx = dy·(Φ(x) + x·φ(x)): GELU with the exact normal
 * distribution function Φ, and its gradient.
 *
 * @module
 */
import { activationKernels } from "./activation.ts";

/**
 * WGSL functions for the normal distribution.
 *
 * Φ(-u) = 2^(-1 - u·P(u)) for u ≥ 0, with P a polynomial of degree 8 fitted
 * to -(1 + log2 Φ(-u))/u on [0, 6] by iteratively reweighted least squares so
 * that the largest error of Φ is smallest. In f32 that error is 4.2e-8 (erf:
 * 8.4e-8) with a correctly rounded exp2. Beyond 6, Φ(-u) < 1e-9.
 */
export const NORMAL_WGSL = /* wgsl */ `
fn normal_cdf(x: vec4f) -> vec4f {
  let u = min(abs(x), vec4f(6.0));
  var p = vec4f(-3.940439512462035e-7);
  p = fma(p, u, vec4f(8.042672561714426e-6));
  p = fma(p, u, vec4f(-6.715056952089071e-5));
  p = fma(p, u, vec4f(2.6333407731726766e-4));
  p = fma(p, u, vec4f(1.6683436115272343e-5));
  p = fma(p, u, vec4f(-6.957982666790485e-3));
  p = fma(p, u, vec4f(5.244690924882889e-2));
  p = fma(p, u, vec4f(4.592188894748688e-1));
  p = fma(p, u, vec4f(1.15110445022583));
  let tail = exp2(fma(-u, p, vec4f(-1.0)));
  return select(tail, vec4f(1.0) - tail, x > vec4f(0.0));
}

fn normal_density(x: vec4f) -> vec4f {
  return 0.3989422804014327 * exp(-0.5 * x * x);
}
`;

const GELU = /* wgsl */ `
fn activated(x: vec4f) -> vec4f { return x * normal_cdf(x); }

fn differentiated(dy: vec4f, x: vec4f) -> vec4f {
  return dy * fma(x, normal_density(x), normal_cdf(x));
}
`;

/** Exact GELU, and its gradient. */
export const [gelu, geluGradient] = activationKernels(
  "gelu",
  NORMAL_WGSL + GELU,
  "x",
);
