/**
 * y = a + α·b, element by element.
 *
 * Shapes: a, b, y (count). Bindings: a, b, y as vec4, the last one guarded.
 * Dispatch: 256 elements a workgroup, four an invocation.
 *
 * @module
 */
import { elementwise } from "./elementwise.ts";
import { attribute, type Kernel, required, type Shader } from "./kernel.ts";

const WGSL = /* wgsl */ `
override COUNT: u32;
override ALPHA: f32;

@group(0) @binding(0) var<storage, read_write> a: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

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
  store(i, a[i] + ALPHA * b[i]);
}
`;

const shader: Shader = {
  name: "add",
  wgsl: WGSL,
  entry: "main",
  bindings: ["a", "b", "y"],
};

/** Sums of two tensors. */
export const add: Kernel = {
  name: "add",
  half: { inputs: [0, 1], outputs: [0] },
  shaders: [shader],
  lower: (call) =>
    elementwise(
      shader,
      [
        required(call, "inputs", 0),
        required(call, "inputs", 1),
        required(call, "outputs", 0),
      ],
      attribute(call, "count"),
      { ALPHA: attribute(call, "alpha") },
    ),
};
