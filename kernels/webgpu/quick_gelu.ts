/**
 * y = x·σ(1.702·x) and dx = dy·(σ + 1.702·x·σ·(1 - σ)): quick GELU with the
 * logistic function σ, and its gradient.
 *
 * Shapes: all (count). Bindings: x, y, or dy, x, dx, as vec4, the last one
 * guarded. Dispatch: 256 elements a workgroup, four an invocation.
 *
 * @module
 */
import { elementwise } from "./elementwise.ts";
import { attribute, type Kernel, required, type Shader } from "./kernel.ts";

/** σ(1.702·v); the power is cut where f32 would overflow. */
const LOGISTIC = /* wgsl */ `
fn logistic(v: vec4f) -> vec4f {
  return 1.0 / (1.0 + exp(min(-1.702 * v, vec4f(88.0))));
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
  store(i, v * logistic(v));
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
  let share = logistic(v);
  store(i, dy[i] * share * fma(1.702 * v, 1.0 - share, vec4f(1.0)));
}
`;

const forward: Shader = {
  name: "quick_gelu",
  wgsl: LOGISTIC + FORWARD,
  entry: "main",
  bindings: ["x", "y"],
};

const gradient: Shader = {
  name: "quick_gelu_gradient",
  wgsl: LOGISTIC + GRADIENT,
  entry: "main",
  bindings: ["dy", "x", "dx"],
};

/** quick GELU. */
export const quickGelu: Kernel = {
  name: "quick_gelu",
  half: { inputs: [0], outputs: [0] },
  shaders: [forward],
  lower: (call) =>
    elementwise(
      forward,
      [required(call, "inputs", 0), required(call, "outputs", 0)],
      attribute(call, "count"),
    ),
};

/** The gradient of quick GELU. */
export const quickGeluGradient: Kernel = {
  name: "quick_gelu_gradient",
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
