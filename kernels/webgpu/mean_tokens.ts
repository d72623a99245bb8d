/**
 * y[b] = Σ_t x[b, t] / T, and its gradient dx[b, t] = dy[b] / T.
 *
 * Shapes: x, dx (B, T, d), y, dy (B, d). Bindings: source, result. Dispatch: 64
 * numbers of the result a workgroup; the sum is taken in 16 parts, so that no
 * part is long.
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
override TOKENS: u32;
override WIDTH: u32;
override SPREAD: bool;

@group(0) @binding(0) var<storage, read_write> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;

fn mean(i: u32) -> f32 {
  let first = i / WIDTH * TOKENS * WIDTH + i % WIDTH;
  let part = (TOKENS + 15u) / 16u;
  var total = 0.0;
  for (var start = 0u; start < TOKENS; start += part) {
    var sum = 0.0;
    for (var t = start; t < min(start + part, TOKENS); t++) {
      sum += source[first + t * WIDTH];
    }
    total += sum;
  }
  return total / f32(TOKENS);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= COUNT) { return; }
  if (SPREAD) {
    let row = i / (TOKENS * WIDTH) * WIDTH + i % WIDTH;
    result[i] = source[row] / f32(TOKENS);
  } else {
    result[i] = mean(i);
  }
}
`;

const shader: Shader = {
  name: "mean_tokens",
  wgsl: WGSL,
  entry: "main",
  bindings: ["source", "result"],
};

function lower(call: KernelCall, spread: number): Dispatch[] {
  const count = outputCount(call);
  return [{
    shader,
    places: [required(call, "inputs", 0), required(call, "outputs", 0)],
    constants: {
      COUNT: count,
      TOKENS: attribute(call, "tokens"),
      WIDTH: attribute(call, "width"),
      SPREAD: spread,
    },
    grid: flatGrid(Math.ceil(count / 64)),
  }];
}

/** The mean over tokens. */
export const meanTokens: Kernel = {
  name: "mean_tokens",
  half: { inputs: [0], outputs: [0] },
  shaders: [shader],
  lower: (call) => lower(call, 0),
};

/** Its gradient. */
export const spreadTokens: Kernel = {
  name: "spread_tokens",
  half: { inputs: [0], outputs: [0] },
  shaders: [shader],
  lower: (call) => lower(call, 1),
};
