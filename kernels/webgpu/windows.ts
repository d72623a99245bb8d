/**
 * Cuts maps into windows after a cyclic shift up and to the left, with zeros
 * below and to the right; and joins them again (+ residual).
 *
 * Shapes: x, residual (B, S, S, C), y (B·n, w², C) with n = ⌈S / w⌉². Bindings:
 * source, residual, result. Dispatch: 256 Numbers of the result a workgroup.
 *
 * @module
 */
import type { KernelCall } from "../engine.ts";
import { outputCount } from "./elementwise.ts";
import {
  attribute,
  type Dispatch,
  flag,
  flatGrid,
  type Kernel,
  required,
} from "./kernel.ts";
import { forRows, numberShaders } from "./numbers.ts";

const WGSL = /* wgsl */ `
override COUNT: u32;
override SIZE: u32;
override SIDE: u32;
override CHANNELS: u32;
override WINDOW: u32;
override SHIFT: u32;
override JOIN: bool;
override HAS_RESIDUAL: bool;

@group(0) @binding(0) var<storage, read_write> source: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> residual: array<Numbers>;
@group(0) @binding(2) var<storage, read_write> result: array<Numbers>;

fn cut(index: u32) -> Numbers {
  let token = index / CHANNELS;
  let inside = token % (WINDOW * WINDOW);
  let window = token / (WINDOW * WINDOW);
  let i = window / SIDE % SIDE * WINDOW + inside / WINDOW;
  let j = window % SIDE * WINDOW + inside % WINDOW;
  if (i >= SIZE || j >= SIZE) { return Numbers(); }
  let row = window / (SIDE * SIDE) * SIZE + (i + SHIFT) % SIZE;
  let place = row * SIZE + (j + SHIFT) % SIZE;
  return source[place * CHANNELS + index % CHANNELS];
}

fn joined(index: u32) -> Numbers {
  let token = index / CHANNELS;
  let back = SIZE - SHIFT % SIZE;
  let i = (token / SIZE % SIZE + back) % SIZE;
  let j = (token % SIZE + back) % SIZE;
  let row = token / (SIZE * SIZE) * SIDE + i / WINDOW;
  let window = row * SIDE + j / WINDOW;
  let place = (window * WINDOW + i % WINDOW) * WINDOW + j % WINDOW;
  var v = source[place * CHANNELS + index % CHANNELS];
  if (HAS_RESIDUAL) { v += residual[index]; }
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
    if (i >= COUNT) { return; }
    if (JOIN) { result[i] = joined(i); }
    else { result[i] = cut(i); }
  }
}
`;

const shaders = numberShaders({
  name: "windows",
  wgsl: WGSL,
  entry: "main",
  bindings: ["source", "residual", "result"],
});

function lower(call: KernelCall, join: number): Dispatch[] {
  const channels = attribute(call, "channels");
  const { shader, width } = forRows(shaders, channels);
  const count = outputCount(call) / channels * width;
  const size = attribute(call, "size");
  const window = attribute(call, "window");
  const residual = join ? call.inputs[1] : undefined;
  return [{
    shader,
    places: [
      required(call, "inputs", 0),
      residual,
      required(call, "outputs", 0),
    ],
    constants: {
      COUNT: count,
      SIZE: size,
      SIDE: Math.ceil(size / window),
      CHANNELS: width,
      WINDOW: window,
      SHIFT: attribute(call, "shift"),
      JOIN: join,
      HAS_RESIDUAL: flag(residual),
    },
    grid: flatGrid(Math.ceil(count / 256)),
  }];
}

/** Maps to windows. */
export const windowPartition: Kernel = {
  name: "window_partition",
  half: { inputs: [0], outputs: [0] },
  shaders: [shaders.scalars, shaders.vectors],
  lower: (call) => lower(call, 0),
};

/** Windows to maps. */
export const windowReverse: Kernel = {
  name: "window_reverse",
  half: { inputs: [0, 1], outputs: [0] },
  shaders: [shaders.scalars, shaders.vectors],
  lower: (call) => lower(call, 1),
};
