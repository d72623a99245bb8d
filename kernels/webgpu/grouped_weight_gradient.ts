/**
 * dw[g·n + j, l] = Σ_i dy[i, g·n + j]·x[i, σ(g·k + l)] (+ addend), with σ as in
 * grouped_channels.ts.
 *
 * Shapes: dy (m, G·n), x (m, G·k), dw, addend (G·n, k). Two dispatches: an
 * invocation sums a chunk of about √m rows for up to four weights of each of a
 * column of Numbers into scratch, then the chunks are summed. Bindings: dy, x,
 * partial. Dispatch: 64 columns of Numbers by one block of weights and one
 * chunk a workgroup.
 *
 * @module
 */
import { channelConstants, CHANNELS_WGSL } from "./grouped_channels.ts";
import { attribute, flatGrid, type Kernel, required } from "./kernel.ts";
import { forRows, numberShaders } from "./numbers.ts";
import { splitRows, sumPartials, sumPartialsShader } from "./sum_partials.ts";

const WGSL = /* wgsl */ `
override COLUMNS: u32;
override BLOCKS: u32;

struct Size { rows: u32, chunk: u32, chunks: u32 }

@group(0) @binding(0) var<storage, read_write> dy: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(0) @binding(3) var<uniform> size: Size;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let chunk = i / COLUMNS / BLOCKS;
  if (chunk >= size.chunks) { return; }
  let column = i % COLUMNS * NUMBERS;
  let first = i / COLUMNS % BLOCKS * 4u;
  // Inputs past the end are the last one again.
  let a = inputs(column, first);
  let b = inputs(column, min(first + 1u, K - 1u));
  let c = inputs(column, min(first + 2u, K - 1u));
  let d = inputs(column, min(first + 3u, K - 1u));
  var sums: array<Numbers, 4>;
  let end = min(chunk * size.chunk + size.chunk, size.rows);
  for (var row = chunk * size.chunk; row < end; row++) {
    let g = dy[row * COLUMNS + column / NUMBERS];
    let at = row * GROUPS * K;
    sums[0] = fma(g, taken(at, a), sums[0]);
    if (K > 1u) { sums[1] = fma(g, taken(at, b), sums[1]); }
    if (K > 2u) { sums[2] = fma(g, taken(at, c), sums[2]); }
    if (K > 3u) { sums[3] = fma(g, taken(at, d), sums[3]); }
  }
  for (var j = 0u; j < NUMBERS; j++) {
    let at = (chunk * GROUPS * N + column + j) * K + first;
    for (var l = 0u; l < min(4u, K - first); l++) {
      partial[at + l] = number_of(sums[l], j);
    }
  }
}
`;

const shaders = numberShaders({
  name: "grouped_weight_gradient",
  wgsl: WGSL + CHANNELS_WGSL,
  entry: "main",
  bindings: ["dy", "x", "partial"],
  uniform: true,
});

/** The gradient of a linear layer by groups towards its weight. */
export const groupedWeightGradient: Kernel = {
  name: "grouped_weight_gradient",
  half: { inputs: [0, 1], outputs: [] },
  shaders: [shaders.scalars, shaders.vectors, sumPartialsShader],
  lower(call, context) {
    const [m, groups, k, n] = ["m", "groups", "k", "n"]
      .map((name) => attribute(call, name));
    const weights = groups * n * k;
    // Processors wait for memory where they go down many rows; sums of about
    // a quarter of the size of dy.
    const most = context.software ? Math.max(8, 4 * k) : undefined;
    const { size, chunks } = splitRows(m, most);
    const { shader, width } = forRows(shaders, groups * n);
    const blocks = Math.ceil(k / 4);
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
          ...channelConstants(call),
          COLUMNS: width,
          BLOCKS: blocks,
        },
        uniform: [m, size, chunks],
        grid: flatGrid(Math.ceil(width * blocks * chunks / 64)),
      },
      sumPartials(
        { partial, addend: call.inputs[2], y: required(call, "outputs", 0) },
        { n: weights, chunks },
      ),
    ];
  },
};
