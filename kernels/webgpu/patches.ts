/**
 * Cuts images into patches, and puts patches together to images.
 *
 * Shapes: images (B, C, S, S), y (B, N, C·p·p) with N = (S/p)² patches in
 * row-major order and c, py, px inside a patch. Bindings: source, result.
 * Dispatch: 256 elements of the result a workgroup.
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
import { outputCount } from "./elementwise.ts";

const WGSL = /* wgsl */ `
override CHANNELS: u32;
override SIZE: u32;
override PATCH: u32;

struct Size { count: u32, join: u32 }

@group(0) @binding(0) var<storage, read_write> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<uniform> size: Size;

fn image_index(element: u32) -> u32 {
  let side = SIZE / PATCH;
  let px = element % PATCH;
  var rest = element / PATCH;
  let py = rest % PATCH;
  rest /= PATCH;
  let c = rest % CHANNELS;
  rest /= CHANNELS;
  let column = rest % side;
  rest /= side;
  let row = rest % side;
  let b = rest / side;
  return ((b * CHANNELS + c) * SIZE + row * PATCH + py) * SIZE +
    column * PATCH + px;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (group.y * groups.x + group.x) * 256u;
  let end = min(first + 256u, size.count);
  for (var i = first + lane; i < end; i += 64u) {
    let other = image_index(i);
    let is_join = size.join != 0u;
    result[select(i, other, is_join)] = source[select(other, i, is_join)];
  }
}
`;

const shader: Shader = {
  name: "patches",
  wgsl: WGSL,
  entry: "main",
  bindings: ["source", "result"],
  uniform: true,
};

function lower(call: KernelCall, join: number): Dispatch[] {
  const count = outputCount(call);
  return [{
    shader,
    places: [required(call, "inputs", 0), required(call, "outputs", 0)],
    constants: {
      CHANNELS: attribute(call, "channels"),
      SIZE: attribute(call, "size"),
      PATCH: attribute(call, "patch"),
    },
    uniform: [count, join],
    grid: flatGrid(Math.ceil(count / 256)),
  }];
}

/** Images to patches. */
export const patches: Kernel = {
  name: "patches",
  half: { inputs: [0], outputs: [0] },
  shaders: [shader],
  lower: (call) => lower(call, 0),
};

/** Patches to images: the gradient of the former, and its inverse. */
export const unpatches: Kernel = {
  name: "unpatches",
  shaders: [shader],
  lower: (call) => lower(call, 1),
};
