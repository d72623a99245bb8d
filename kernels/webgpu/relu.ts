/**
 * y = max(x, 0), and dx = dy where y > 0, else 0: ReLU and its gradient.
 *
 * Shapes: all (count). Bindings: x, y, or dy, y, dx, as vec4, the last one
 * guarded. Dispatch: 256 elements a workgroup, four an invocation.
 *
 * @module
 */
import { elementwise } from "./elementwise.ts";
import { attribute, type Kernel, required, type Shader } from "./kernel.ts";

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
  store(i, select(v, vec4f(0.0), v < vec4f(0.0)));
}
`;

const GRADIENT = /* wgsl */ `
override COUNT: u32;

@group(0) @binding(0) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
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
  store(i, select(vec4f(0.0), dy[i], y[i] > vec4f(0.0)));
}
`;

const forward: Shader = {
  name: "relu",
  wgsl: FORWARD,
  entry: "main",
  bindings: ["x", "y"],
};

const gradient: Shader = {
  name: "relu_gradient",
  wgsl: GRADIENT,
  entry: "main",
  bindings: ["dy", "y", "dx"],
};

/** ReLU. */
export const relu: Kernel = {
  name: "relu",
  half: { inputs: [0], outputs: [0] },
  shaders: [forward],
  lower: (call) =>
    elementwise(
      forward,
      [required(call, "inputs", 0), required(call, "outputs", 0)],
      attribute(call, "count"),
    ),
};

/** The gradient of ReLU. */
export const reluGradient: Kernel = {
  name: "relu_gradient",
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
