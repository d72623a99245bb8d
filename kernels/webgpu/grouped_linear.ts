/**
 * y[i, g·n + j] = Σₗ w[g·n + j, l]·x[i, σ(g·k + l)] (+ bias, + residual), and
 * dx: a linear layer by groups, with or without a shuffle σ of the channels, as
 * in grouped_channels.ts.
 *
 * Shapes: x, dx (m, G·k), w (G·n, k), bias (G·n), y, dy, residual (m, G·n),
 * addend like dx. Bindings: x (or dy), w, bias, residual (or addend), y (or
 * dx). Dispatch: an invocation makes Numbers of four rows, which share the
 * weights, 64 columns of Numbers a workgroup.
 *
 * @module
 */
import type { KernelCall } from "../engine.ts";
import { channelConstants, CHANNELS_WGSL } from "./grouped_channels.ts";
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
override COLUMNS: u32;
override BACK: bool;

// Unrolled, the terms would take seconds to compile.
struct Size { rows: u32, terms: u32, has_bias: u32, has_residual: u32 }

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<Numbers>;
@group(0) @binding(3) var<storage, read_write> residual: array<Numbers>;
@group(0) @binding(4) var<storage, read_write> y: array<Numbers>;
@group(0) @binding(5) var<uniform> size: Size;

const ROWS = 4u;
const FOUR = vec4u(0u, 1u, 2u, 3u);

fn position(c: u32) -> u32 {
  if (SHUFFLE) { return c % K * GROUPS + c / K; }
  return c;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let first = i / COLUMNS * ROWS;
  if (first >= size.rows) { return; }
  let column = i % COLUMNS * NUMBERS;
  // Rows past the end are the last one again.
  let rows = min(vec4u(first) + FOUR, vec4u(size.rows - 1u));
  let width = GROUPS * select(K, N, BACK);
  let columns = vec4u(column) + FOUR;
  let p = vec4u(
    position(columns.x), position(columns.y),
    position(columns.z), position(columns.w));
  var sums: array<Numbers, ROWS>;
  for (var t = 0u; t < size.terms; t++) {
    var sources = inputs(column, t);
    var weights = columns * K + t;
    if (BACK) {
      sources = p / K * N + t;
      weights = sources * K + p % K;
    }
    let v = numbers_of(vec4f(
      w[weights.x], w[weights.y], w[weights.z], w[weights.w]));
    for (var r = 0u; r < ROWS; r++) {
      sums[r] = fma(v, taken(rows[r] * width, sources), sums[r]);
    }
  }
  var shift = Numbers();
  if (size.has_bias != 0u) { shift = bias[column / NUMBERS]; }
  for (var r = 0u; r < ROWS; r++) {
    let at = rows[r] * COLUMNS + column / NUMBERS;
    var v = sums[r] + shift;
    if (size.has_residual != 0u) { v += residual[at]; }
    y[at] = v;
  }
}
`;

const shaders = numberShaders({
  name: "grouped_linear",
  wgsl: WGSL + CHANNELS_WGSL,
  entry: "main",
  bindings: ["x", "w", "bias", "residual", "y"],
  uniform: true,
});

function lower(call: KernelCall, back: number): Dispatch[] {
  const [m, groups, k, n, shuffle] = ["m", "groups", "k", "n", "shuffle"]
    .map((name) => attribute(call, name));
  const bias = back ? undefined : call.inputs[2];
  const residual = call.inputs[back ? 2 : 3];
  const { shader, width } = forRows(shaders, groups * (back ? k : n));
  const alike = {
    PAIRS: Number(!shuffle && k % 2 === 0),
    TURNS: Number(shuffle ? k === 2 && groups % 2 === 0 : k % 4 === 0),
  };
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
      ...channelConstants(call),
      ...(back ? alike : {}),
      COLUMNS: width,
      BACK: back,
    },
    uniform: [m, back ? n : k, flag(bias), flag(residual)],
    grid: flatGrid(Math.ceil(Math.ceil(m / 4) * width / 64)),
  }];
}

/** A linear layer by groups. */
export const groupedLinear: Kernel = {
  name: "grouped_linear",
  half: { inputs: [0, 1, 2, 3], outputs: [0] },
  shaders: [shaders.scalars, shaders.vectors],
  lower: (call) => lower(call, 0),
};

/** Its gradient towards the input. */
export const groupedInputGradient: Kernel = {
  name: "grouped_input_gradient",
  half: { inputs: [0, 1, 2], outputs: [0] },
  shaders: [shaders.scalars, shaders.vectors],
  lower: (call) => lower(call, 1),
};
