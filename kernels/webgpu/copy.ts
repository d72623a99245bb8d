/**
 * y = x.
 *
 * Shapes: x, y (count), f32 or i32: the bits are copied; where one of the two is
 * f16, the numbers are converted. Bindings: x, y as vec4, the last one guarded.
 * Dispatch: 256 elements a workgroup.
 *
 * @module
 */
import { elementwise } from "./elementwise.ts";
import { attribute, type Kernel, required, type Shader } from "./kernel.ts";

const WGSL = /* wgsl */ `
override COUNT: u32;

@group(0) @binding(0) var<storage, read_write> x: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4u>;

fn store(i: u32, v: vec4u) {
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
  store(i, x[i]);
}
`;

const shader: Shader = {
  name: "copy",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "y"],
};

const convertShader: Shader = {
  ...shader,
  name: "copy_numbers",
  wgsl: WGSL.replaceAll("vec4u", "vec4f"),
};

/** Copies of tensors. */
export const copy: Kernel = {
  name: "copy",
  half: { inputs: [0], outputs: [0] },
  shaders: [shader, convertShader],
  lower(call) {
    const places = [required(call, "inputs", 0), required(call, "outputs", 0)];
    const half = places.some(({ dtype }) => dtype === "f16");
    const used = half ? convertShader : shader;
    return elementwise(used, places, attribute(call, "count"));
  },
};
