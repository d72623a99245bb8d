/**
 * Gathers squares of p by p tokens into one token each, and scatters them.
 *
 * Shapes: x (B, S, S, C), y (B, O, O, p²·C). Inside a token of y stands channel,
 * row, column and O = ⌊S / p⌋; with MERGE column, row, channel and O = ⌈S / p⌉.
 * What the other has no place for is zero. Bindings: source, result. Dispatch:
 * 256 elements of the result a workgroup.
 *
 * @module
 */
import type { KernelCall } from "../engine.ts";
import { outputCount } from "./elementwise.ts";
import {
  attribute,
  type Dispatch,
  flatGrid,
  type Kernel,
  required,
  type Shader,
} from "./kernel.ts";

const WGSL = /* wgsl */ `
override COUNT: u32;
override SIZE: u32;
override OUT: u32;
override CHANNELS: u32;
override PATCH: u32;
override MERGE: bool;
override SCATTER: bool;

@group(0) @binding(0) var<storage, read_write> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;

fn gathered(i: u32) -> f32 {
  let square = PATCH * PATCH;
  let inside = i % (square * CHANNELS);
  let token = i / (square * CHANNELS);
  var c = inside / square;
  var row = inside / PATCH % PATCH;
  var column = inside % PATCH;
  if (MERGE) {
    c = inside % CHANNELS;
    row = inside / CHANNELS % PATCH;
    column = inside / (CHANNELS * PATCH);
  }
  let u = token / OUT % OUT * PATCH + row;
  let v = token % OUT * PATCH + column;
  if (u >= SIZE || v >= SIZE) { return 0.0; }
  let b = token / (OUT * OUT);
  return source[((b * SIZE + u) * SIZE + v) * CHANNELS + c];
}

fn scattered(i: u32) -> f32 {
  let c = i % CHANNELS;
  let v = i / CHANNELS % SIZE;
  let u = i / (CHANNELS * SIZE) % SIZE;
  let b = i / (CHANNELS * SIZE * SIZE);
  if (u >= OUT * PATCH || v >= OUT * PATCH) { return 0.0; }
  let row = u % PATCH;
  let column = v % PATCH;
  var inside = (c * PATCH + row) * PATCH + column;
  if (MERGE) { inside = (column * PATCH + row) * CHANNELS + c; }
  let token = (b * OUT + u / PATCH) * OUT + v / PATCH;
  return source[token * PATCH * PATCH * CHANNELS + inside];
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (group.y * groups.x + group.x) * 256u + lane;
  for (var step = 0u; step < 4u; step++) {
    let i = first + 64u * step;
    if (i >= COUNT) { return; }
    if (SCATTER) { result[i] = scattered(i); }
    else { result[i] = gathered(i); }
  }
}
`;

const shader: Shader = {
  name: "space_to_depth",
  wgsl: WGSL,
  entry: "main",
  bindings: ["source", "result"],
};

function lower(call: KernelCall, scatter: number): Dispatch[] {
  const count = outputCount(call);
  const size = attribute(call, "size");
  const patch = attribute(call, "patch");
  const merge = attribute(call, "merge");
  return [{
    shader,
    places: [required(call, "inputs", 0), required(call, "outputs", 0)],
    constants: {
      COUNT: count,
      SIZE: size,
      OUT: merge ? Math.ceil(size / patch) : Math.floor(size / patch),
      CHANNELS: attribute(call, "channels"),
      PATCH: patch,
      MERGE: merge,
      SCATTER: scatter,
    },
    grid: flatGrid(Math.ceil(count / 256)),
  }];
}

/** Squares of tokens to one token each. */
export const spaceToDepth: Kernel = {
  name: "space_to_depth",
  half: { inputs: [0], outputs: [0] },
  shaders: [shader],
  lower: (call) => lower(call, 0),
};

/** The gradient of the former, and its inverse. */
export const depthToSpace: Kernel = {
  name: "depth_to_space",
  half: { inputs: [0], outputs: [0] },
  shaders: [shader],
  lower: (call) => lower(call, 1),
};
