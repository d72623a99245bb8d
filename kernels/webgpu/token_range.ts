/**
 * Takes tokens start … start + count - 1 of each sequence, or puts them back
 * among zeros (its gradient), which may be added to another tensor.
 *
 * Shapes: whole (B, T, d), part (B, count, d). Bindings: x, addend, y.
 * Dispatch: 256 elements of y a workgroup.
 *
 * @module
 */
import type { KernelCall } from "../engine.ts";
import {
  attribute,
  type Dispatch,
  flag,
  flatGrid,
  type Kernel,
  required,
  type Shader,
} from "./kernel.ts";
import { outputCount } from "./elementwise.ts";

const WGSL = /* wgsl */ `
override SIZE: u32;
override TOKENS: u32;
override WIDTH: u32;
override START: u32;
override TAKEN: u32;
override PAD: bool;
override HAS_ADDEND: bool;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> addend: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

fn taken(i: u32) -> f32 {
  let b = i / (WIDTH * TAKEN);
  return x[i + (b * (TOKENS - TAKEN) + START) * WIDTH];
}

fn padded(i: u32) -> f32 {
  let b = i / (WIDTH * TOKENS);
  let token = (i / WIDTH) % TOKENS;
  var v = 0.0;
  if (token >= START && token < START + TAKEN) {
    v = x[i - (b * (TOKENS - TAKEN) + START) * WIDTH];
  }
  if (HAS_ADDEND) { v += addend[i]; }
  return v;
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
    if (i >= SIZE) { return; }
    if (PAD) { y[i] = padded(i); }
    else { y[i] = taken(i); }
  }
}
`;

const shader: Shader = {
  name: "token_range",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "addend", "y"],
};

function lower(call: KernelCall, pad: number): Dispatch[] {
  const size = outputCount(call);
  const addend = pad ? call.inputs[1] : undefined;
  return [{
    shader,
    places: [
      required(call, "inputs", 0),
      addend,
      required(call, "outputs", 0),
    ],
    constants: {
      SIZE: size,
      TOKENS: attribute(call, "tokens"),
      WIDTH: attribute(call, "width"),
      START: attribute(call, "start"),
      TAKEN: attribute(call, "count"),
      PAD: pad,
      HAS_ADDEND: flag(addend),
    },
    grid: flatGrid(Math.ceil(size / 256)),
  }];
}

/** A range of the tokens. */
export const takeTokens: Kernel = {
  name: "take_tokens",
  half: { inputs: [0], outputs: [0] },
  shaders: [shader],
  lower: (call) => lower(call, 0),
};

/** The gradient of a range of the tokens. */
export const padTokens: Kernel = {
  name: "pad_tokens",
  half: { inputs: [0, 1], outputs: [0] },
  shaders: [shader],
  lower: (call) => lower(call, 1),
};
