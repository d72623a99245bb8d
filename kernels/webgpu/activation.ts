/**
 * An activation y = f(x) element by element, and its gradient.
 *
 * Shapes: all (count). Bindings: x, y, or dy, saved, dx, as vec4, the last one
 * guarded. Dispatch: 256 elements a workgroup, four an invocation.
 *
 * @module
 */
import type { KernelCall } from "../engine.ts";
import {
  attribute,
  type Dispatch,
  flatGrid,
  type Kernel,
  required,
  type Shader,
} from "./kernel.ts";

const FORWARD = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(2) var<uniform> size: Size;

fn value(i: u32) -> vec4f { return activated(x[i]); }
`;

const GRADIENT = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> saved: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(3) var<uniform> size: Size;

fn value(i: u32) -> vec4f { return differentiated(dy[i], saved[i]); }
`;

const MAIN = /* wgsl */ `
// Elements in the last vector if it is not whole.
override REST: u32;

struct Size { count: u32 }

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let whole = size.count / 4u;
  var v: vec4f;
  if (4u * i < size.count) { v = value(i); }
  if (i < whole) { result[i] = v; }
  if (i == whole) {
    if (REST > 0u) { result[i].x = v.x; }
    if (REST > 1u) { result[i].y = v.y; }
    if (REST > 2u) { result[i].z = v.z; }
  }
}
`;

/**
 * The kernels of an activation: forward, then `NAME_gradient`.
 *
 * @param wgsl Declares `activated(x)` and `differentiated(dy, saved)`, both of
 * vec4f to vec4f.
 * @param saved What the gradient reads beside dy: the input or the output.
 */
export function activationKernels(
  name: string,
  wgsl: string,
  saved: "x" | "y",
): [Kernel, Kernel] {
  const forward: Shader = {
    name,
    wgsl: wgsl + FORWARD + MAIN,
    entry: "main",
    bindings: ["x", "y"],
    uniform: true,
  };
  const gradient: Shader = {
    name: `${name}_gradient`,
    wgsl: wgsl + GRADIENT + MAIN,
    entry: "main",
    bindings: ["dy", saved, "dx"],
    uniform: true,
  };
  return [kernelOf(forward, [0]), kernelOf(gradient, [0, 1])];
}

function kernelOf(shader: Shader, inputs: readonly number[]): Kernel {
  return {
    name: shader.name,
    half: { inputs, outputs: [0] },
    shaders: [shader],
    lower(call: KernelCall): Dispatch[] {
      const count = attribute(call, "count");
      return [{
        shader,
        places: [
          ...inputs.map((i) => required(call, "inputs", i)),
          required(call, "outputs", 0),
        ],
        constants: { REST: count % 4 },
        uniform: [count],
        grid: flatGrid(Math.ceil(count / 256)),
      }];
    },
  };
}
