/**
 * dw[g·n + j, l] = Σ_i dy[i, g·n + j]·x[i, σ(g·k + l)] (+ addend), with σ as in
 * grouped_linear.ts.
 *
 * Shapes: dy (m, G·n), x (m, G·k), dw, addend (G·n, k). Two dispatches: an
 * invocation sums a chunk of about √m rows for one weight into scratch, then
 * the chunks are summed. Bindings: dy, x, partial. Dispatch: 64 weights by one
 * chunk a workgroup.
 *
 * @module
 */
import {
  attribute,
  flatGrid,
  type Kernel,
  required,
  type Shader,
} from "./kernel.ts";
import { splitRows, sumPartials, sumPartialsShader } from "./sum_partials.ts";

const WGSL = /* wgsl */ `
override M: u32;
override GROUPS: u32;
override K: u32;
override N: u32;
override SHUFFLE: bool;
override CHUNK: u32;
override CHUNKS: u32;

@group(0) @binding(0) var<storage, read_write> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let weight = i % (GROUPS * N * K);
  let chunk = i / (GROUPS * N * K);
  if (chunk >= CHUNKS) { return; }
  let column = weight / K;
  let p = column / N * K + weight % K;
  let channel = select(p, p % GROUPS * K + p / GROUPS, SHUFFLE);
  let first = chunk * CHUNK;
  let end = min(first + CHUNK, M);
  var sum = 0.0;
  for (var row = first; row < end; row++) {
    sum += dy[row * GROUPS * N + column] * x[row * GROUPS * K + channel];
  }
  partial[i] = sum;
}
`;

const shader: Shader = {
  name: "grouped_weight_gradient",
  wgsl: WGSL,
  entry: "main",
  bindings: ["dy", "x", "partial"],
};

/** The gradient of a linear layer by groups towards its weight. */
export const groupedWeightGradient: Kernel = {
  name: "grouped_weight_gradient",
  half: { inputs: [0, 1], outputs: [] },
  shaders: [shader, sumPartialsShader],
  lower(call, context) {
    const [m, groups, k, n] = ["m", "groups", "k", "n"]
      .map((name) => attribute(call, name));
    const weights = groups * n * k;
    const { size, chunks } = splitRows(m);
    const partial = context.scratch([chunks, weights]);
    return [
      {
        shader,
        places: [
          required(call, "inputs", 0),
          required(call, "inputs", 1),
          partial,
        ],
        constants: {
          M: m,
          GROUPS: groups,
          K: k,
          N: n,
          SHUFFLE: attribute(call, "shuffle"),
          CHUNK: size,
          CHUNKS: chunks,
        },
        grid: flatGrid(Math.ceil(weights * chunks / 64)),
      },
      sumPartials(
        { partial, addend: call.inputs[2], y: required(call, "outputs", 0) },
        { n: weights, chunks },
      ),
    ];
  },
};
