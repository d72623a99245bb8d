/**
 * dweight[u, v, c] = Σ dy[b, i, j, c]·x[b, i + u - p, j + v - p, c] (+ addend).
 *
 * Shapes: dy, x (B, S, S, C), addend, dweight (k, k, C); p = (k - 1) / 2. Two
 * dispatches: an invocation sums one tap of four channels over a chunk of about
 * √(B·S) rows of the maps into scratch, then the chunks are summed. Bindings:
 * dy, x, partial. Dispatch: 64 vectors of partial sums a workgroup.
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
override ROWS: i32;
override SIZE: i32;
override VECTORS: u32;
override KERNEL: i32;
override CHUNK: i32;
override COUNT: u32;

@group(0) @binding(0) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partial: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.y * groups.x + group.x) * 64u + lane;
  if (index >= COUNT) { return; }
  let c = index % VECTORS;
  let unit = i32(index / VECTORS);
  let tap = unit % (KERNEL * KERNEL);
  let down = tap / KERNEL - KERNEL / 2;
  let right = tap % KERNEL - KERNEL / 2;
  let first = unit / (KERNEL * KERNEL) * CHUNK;
  var sum = vec4f(0.0);
  for (var row = first; row < min(first + CHUNK, ROWS); row++) {
    let line = row % SIZE + down;
    if (line < 0 || line >= SIZE) { continue; }
    for (var j = max(0, -right); j < min(SIZE, SIZE - right); j++) {
      let to = row * SIZE + j;
      let source = to + down * SIZE + right;
      sum = fma(
        dy[u32(to) * VECTORS + c], x[u32(source) * VECTORS + c], sum);
    }
  }
  partial[index] = sum;
}
`;

const shader: Shader = {
  name: "depthwise_conv_weight_gradient",
  wgsl: WGSL,
  entry: "main",
  bindings: ["dy", "x", "partial"],
};

/** The gradient of a depthwise convolution towards its weight. */
export const depthwiseConvWeightGradient: Kernel = {
  name: "depthwise_conv_weight_gradient",
  half: { inputs: [0, 1], outputs: [] },
  shaders: [shader, sumPartialsShader],
  lower(call, context) {
    const size = attribute(call, "size");
    const kernel = attribute(call, "kernel");
    const channels = attribute(call, "channels");
    const rows = attribute(call, "batch") * size;
    const n = kernel * kernel * channels;
    const { size: chunk, chunks } = splitRows(rows);
    const partial = context.scratch([chunks, n]);
    return [
      {
        shader,
        places: [
          required(call, "inputs", 0),
          required(call, "inputs", 1),
          partial,
        ],
        constants: {
          ROWS: rows,
          SIZE: size,
          VECTORS: channels / 4,
          KERNEL: kernel,
          CHUNK: chunk,
          COUNT: chunks * n / 4,
        },
        grid: flatGrid(Math.ceil(chunks * n / 256)),
      },
      sumPartials(
        { partial, addend: call.inputs[2], y: required(call, "outputs", 0) },
        { n, chunks },
      ),
    ];
  },
};
