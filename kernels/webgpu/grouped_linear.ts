/**
 * y[i, g·n + j] = Σₗ w[g·n + j, l]·x[i, σ(g·k + l)] (+ bias, + residual), and
 * dx: a linear layer by groups, with or without a shuffle σ of the channels.
 *
 * σ(p) = (p mod G)·k + ⌊p / G⌋. Its inverse sends channel c to position
 * (c mod k)·G + ⌊c / k⌋.
 *
 * Shapes: x, dx (m, G·k), w (G·n, k), bias (G·n), y, dy, residual (m, G·n),
 * addend like dx. Bindings: x (or dy), w, bias, residual (or addend), y (or
 * dx). Dispatch: 256 elements of the result a workgroup.
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
  type Shader,
} from "./kernel.ts";

const WGSL = /* wgsl */ `
override SIZE: u32;
override GROUPS: u32;
override K: u32;
override N: u32;
override SHUFFLE: bool;
override BACK: bool;
override HAS_BIAS: bool;
override HAS_RESIDUAL: bool;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn channel(p: u32) -> u32 {
  if (SHUFFLE) { return p % GROUPS * K + p / GROUPS; }
  return p;
}

fn position(c: u32) -> u32 {
  if (SHUFFLE) { return c % K * GROUPS + c / K; }
  return c;
}

fn forward(i: u32) -> f32 {
  let row = i / (GROUPS * N);
  let column = i % (GROUPS * N);
  let first = column / N * K;
  var sum = 0.0;
  for (var l = 0u; l < K; l++) {
    sum += w[column * K + l] * x[row * GROUPS * K + channel(first + l)];
  }
  if (HAS_BIAS) { sum += bias[column]; }
  return sum;
}

fn backward(i: u32) -> f32 {
  let row = i / (GROUPS * K);
  let p = position(i % (GROUPS * K));
  let first = p / K * N;
  var sum = 0.0;
  for (var j = first; j < first + N; j++) {
    sum += w[j * K + p % K] * x[row * GROUPS * N + j];
  }
  return sum;
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
    var v = 0.0;
    if (BACK) { v = backward(i); }
    else { v = forward(i); }
    if (HAS_RESIDUAL) { v += residual[i]; }
    y[i] = v;
  }
}
`;

const shader: Shader = {
  name: "grouped_linear",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "w", "bias", "residual", "y"],
};

function lower(call: KernelCall, back: number): Dispatch[] {
  const size = outputCount(call);
  const bias = back ? undefined : call.inputs[2];
  const residual = call.inputs[back ? 2 : 3];
  return [{
    shader,
    places: [
      required(call, "inputs", 0),
      required(call, "inputs", 1),
      bias,
      residual,
      required(call, "outputs", 0),
    ],
    constants: {
      SIZE: size,
      GROUPS: attribute(call, "groups"),
      K: attribute(call, "k"),
      N: attribute(call, "n"),
      SHUFFLE: attribute(call, "shuffle"),
      BACK: back,
      HAS_BIAS: flag(bias),
      HAS_RESIDUAL: flag(residual),
    },
    grid: flatGrid(Math.ceil(size / 256)),
  }];
}

/** A linear layer by groups. */
export const groupedLinear: Kernel = {
  name: "grouped_linear",
  half: { inputs: [0, 1, 2, 3], outputs: [0] },
  shaders: [shader],
  lower: (call) => lower(call, 0),
};

/** Its gradient towards the input. */
export const groupedInputGradient: Kernel = {
  name: "grouped_input_gradient",
  half: { inputs: [0, 1, 2], outputs: [0] },
  shaders: [shader],
  lower: (call) => lower(call, 1),
};
