/**
 * An activation y = f(x) element by element, and its gradient.
 *
 * Shapes: all (count). Bindings: x, y, or dy, saved, dx, as vec4, the last one
 * guarded. Dispatch: 256 elements a workgroup, four an invocation.
 *
 * @module
 */
import type { KernelCall } from "../engine.ts";
import { elementwise } from "./elementwise.ts";
import {
  attribute,
  type Dispatch,
  type Kernel,
  required,
  type Shader,
} from "./kernel.ts";

const FORWARD = /* wgsl */ `
override COUNT: u32;

@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;

fn value(i: u32) -> vec4f { return activated(x[i]); }
`;

const GRADIENT = /* wgsl */ `
override COUNT: u32;

@group(0) @binding(0) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> saved: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4f>;

fn value(i: u32) -> vec4f { return differentiated(dy[i], saved[i]); }
`;

const MAIN = /* wgsl */ `
fn store(i: u32, v: vec4f) {
  let rest = COUNT - 4u * i;
  if (rest >= 4u) { result[i] = v; return; }
  result[i].x = v.x;
  if (rest > 1u) { result[i].y = v.y; }
  if (rest > 2u) { result[i].z = v.z; }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (4u * i < COUNT) { store(i, value(i)); }
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
  };
  const gradient: Shader = {
    name: `${name}_gradient`,
    wgsl: wgsl + GRADIENT + MAIN,
    entry: "main",
    bindings: ["dy", saved, "dx"],
  };
  return [kernelOf(forward, [0]), kernelOf(gradient, [0, 1])];
}

function kernelOf(shader: Shader, inputs: readonly number[]): Kernel {
  return {
    name: shader.name,
    half: { inputs, outputs: [0] },
    shaders: [shader],
    lower: (call: KernelCall): Dispatch[] =>
      elementwise(
        shader,
        [
          ...inputs.map((i) => required(call, "inputs", i)),
          required(call, "outputs", 0),
        ],
        attribute(call, "count"),
      ),
  };
}
