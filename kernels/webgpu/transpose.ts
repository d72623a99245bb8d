/**
 * y[j, i, k] = x[i, j, k].
 *
 * Shapes: x (a, b, c), y (b, a, c). Bindings: x, y. Dispatch: 256 elements of
 * y a workgroup.
 *
 * @module
 */
import {
  attribute,
  flatGrid,
  type Kernel,
  required,
  type Shader,
} from "./kernel.ts";

const WGSL = /* wgsl */ `
override A: u32;
override B: u32;
override C: u32;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (group.y * groups.x + group.x) * 256u;
  let end = min(first + 256u, A * B * C);
  for (var index = first + lane; index < end; index += 64u) {
    let k = index % C;
    let i = (index / C) % A;
    let j = index / (C * A);
    y[index] = x[(i * B + j) * C + k];
  }
}
`;

const shader: Shader = {
  name: "transpose",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "y"],
};

/** Swaps the first two axes of three. */
export const transpose: Kernel = {
  name: "transpose",
  half: { inputs: [0], outputs: [0] },
  shaders: [shader],
  lower(call) {
    const [a, b, c] = ["a", "b", "c"].map((name) => attribute(call, name));
    return [{
      shader,
      places: [required(call, "inputs", 0), required(call, "outputs", 0)],
      constants: { A: a, B: b, C: c },
      grid: flatGrid(Math.ceil(a * b * c / 256)),
    }];
  },
};
