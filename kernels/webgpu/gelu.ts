/**
 * y = x·Φ(x) and dx = dy·(Φ(x) + x·φ(x)): GELU with the exact normal
 * distribution function Φ, and its gradient.
 *
 * Shapes: all (count). Bindings: x, y, or dy, x, dx, as vec4, the last one
 * guarded. Dispatch: 256 elements a workgroup, four an invocation.
 *
 * @module
 */
import { elementwise } from "./elementwise.ts";
import { attribute, type Kernel, required, type Shader } from "./kernel.ts";

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

const FORWARD = /* wgsl */ `
override COUNT: u32;

@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

fn store(i: u32, v: vec4f) {
  let rest = COUNT - 4u * i;
  if (rest >= 4u) { y[i] = v; return; }
  y[i].x = v.x;
  if (rest > 1u) { y[i].y = v.y; }
  if (rest > 2u) { y[i].z = v.z; }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (4u * i >= COUNT) { return; }
  let v = x[i];
  store(i, v * normal_cdf(v));
}
`;

const GRADIENT = /* wgsl */ `
override COUNT: u32;

@group(0) @binding(0) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;

fn store(i: u32, v: vec4f) {
  let rest = COUNT - 4u * i;
  if (rest >= 4u) { dx[i] = v; return; }
  dx[i].x = v.x;
  if (rest > 1u) { dx[i].y = v.y; }
  if (rest > 2u) { dx[i].z = v.z; }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (4u * i >= COUNT) { return; }
  let v = x[i];
  store(i, dy[i] * fma(v, normal_density(v), normal_cdf(v)));
}
`;

const forward: Shader = {
  name: "gelu",
  wgsl: NORMAL_WGSL + FORWARD,
  entry: "main",
  bindings: ["x", "y"],
};

const gradient: Shader = {
  name: "gelu_gradient",
  wgsl: NORMAL_WGSL + GRADIENT,
  entry: "main",
  bindings: ["dy", "x", "dx"],
};

/** Exact GELU. */
export const gelu: Kernel = {
  name: "gelu",
  half: { inputs: [0], outputs: [0] },
  shaders: [forward],
  lower: (call) =>
    elementwise(
      forward,
      [required(call, "inputs", 0), required(call, "outputs", 0)],
      attribute(call, "count"),
    ),
};

/** The gradient of exact GELU. */
export const geluGradient: Kernel = {
  name: "gelu_gradient",
  half: { inputs: [0, 1], outputs: [0] },
  shaders: [gradient],
  lower: (call) =>
    elementwise(
      gradient,
      [
        required(call, "inputs", 0),
        required(call, "inputs", 1),
        required(call, "outputs", 0),
      ],
      attribute(call, "count"),
    ),
};
