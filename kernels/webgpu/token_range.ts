/**
 * Takes tokens start … start + count - 1 of each sequence, or puts them back
 * among zeros (its gradient), which may be added to another tensor.
 *
 * Shapes: whole (B, T, d), part (B, count, d). Bindings: x, addend, y.
 * Dispatch: 256 Numbers of y a workgroup.
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
} from "./kernel.ts";
import { forRows, numberShaders } from "./numbers.ts";
import { outputCount } from "./elementwise.ts";

const WGSL = /* wgsl */ `
// What is divided by is constant, which is faster; the rest is not, or each
// start would have a pipeline of its own.
override TOKENS: u32;
override WIDTH: u32;
override TAKEN: u32;

struct Size { count: u32, start: u32, pad: u32, has_addend: u32 }

@group(0) @binding(0) var<storage, read_write> x: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> addend: array<Numbers>;
@group(0) @binding(2) var<storage, read_write> y: array<Numbers>;
@group(0) @binding(3) var<uniform> size: Size;

fn moved(i: u32) -> Numbers {
  let is_pad = size.pad != 0u;
  let token = (i / WIDTH) % TOKENS;
  let is_inside = !is_pad || (token >= size.start && token < size.start + TAKEN);
  let b = select(i / (WIDTH * TAKEN), i / (WIDTH * TOKENS), is_pad);
  let skipped = (b * (TOKENS - TAKEN) + size.start) * WIDTH;
  var v = Numbers();
  if (is_inside) { v = x[select(i + skipped, i - skipped, is_pad)]; }
  if (size.has_addend != 0u) { v += addend[i]; }
  return v;
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
    y[i] = moved(i);
  }
}
`;

const shaders = numberShaders({
  name: "token_range",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "addend", "y"],
  uniform: true,
});

function lower(call: KernelCall, pad: number): Dispatch[] {
  const d = attribute(call, "width");
  const { shader, width } = forRows(shaders, d);
  const count = outputCount(call) / d * width;
  const addend = pad ? call.inputs[1] : undefined;
  return [{
    shader,
    places: [
      required(call, "inputs", 0),
      addend,
      required(call, "outputs", 0),
    ],
    constants: {
      TOKENS: attribute(call, "tokens"),
      WIDTH: width,
      TAKEN: attribute(call, "count"),
    },
    uniform: [count, attribute(call, "start"), pad, flag(addend)],
    grid: flatGrid(Math.ceil(count / 256)),
  }];
}

/** A range of the tokens. */
export const takeTokens: Kernel = {
  name: "take_tokens",
  half: { inputs: [0], outputs: [0] },
  shaders: [shaders.scalars, shaders.vectors],
  lower: (call) => lower(call, 0),
};

/** The gradient of a range of the tokens. */
export const padTokens: Kernel = {
  name: "pad_tokens",
  half: { inputs: [0, 1], outputs: [0] },
  shaders: [shaders.scalars, shaders.vectors],
  lower: (call) => lower(call, 1),
};
