/**
 * dS[e, a, b] = Σ_t Σ_ρ low[t, a, e, ρ]·dmixed[t, b, e, ρ] (+ addend).
 *
 * Shapes: low, dmixed (M, n, n, r), addend, dS (n, n, n). Two dispatches: an
 * invocation sums one number of dS over a chunk of about √M rows into
 * scratch, then the chunks are summed. Bindings: low, dmixed, partial.
 * Dispatch: 64 partial numbers a workgroup.
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
override ROWS: u32;
override EXPERTS: u32;
override RANK: u32;
override CHUNK: u32;
override CHUNKS: u32;

@group(0) @binding(0) var<storage, read_write> low: array<f32>;
@group(0) @binding(1) var<storage, read_write> dmixed: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let square = EXPERTS * EXPERTS;
  let chunk = i / (square * EXPERTS);
  if (chunk >= CHUNKS) { return; }
  let b = i % EXPERTS;
  let a = (i / EXPERTS) % EXPERTS;
  let expert = (i / square) % EXPERTS;
  let first = chunk * CHUNK;
  let end = min(first + CHUNK, ROWS);
  var sum = 0.0;
  for (var row = first; row < end; row++) {
    let left = ((row * EXPERTS + a) * EXPERTS + expert) * RANK;
    let right = ((row * EXPERTS + b) * EXPERTS + expert) * RANK;
    for (var rank = 0u; rank < RANK; rank++) {
      sum = fma(low[left + rank], dmixed[right + rank], sum);
    }
  }
  partial[i] = sum;
}
`;

const shader: Shader = {
  name: "expert_mix_gradient",
  wgsl: WGSL,
  entry: "main",
  bindings: ["low", "dmixed", "partial"],
};

/** The gradient of the experts' mixing factors. */
export const expertMixGradient: Kernel = {
  name: "expert_mix_gradient",
  half: { inputs: [0, 1], outputs: [] },
  shaders: [shader, sumPartialsShader],
  lower(call, context) {
    const rows = attribute(call, "rows");
    const experts = attribute(call, "experts");
    const rank = attribute(call, "rank");
    const n = experts ** 3;
    const { size, chunks } = splitRows(rows);
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
          EXPERTS: experts,
          RANK: rank,
          CHUNK: size,
          CHUNKS: chunks,
        },
        grid: flatGrid(Math.ceil(n * chunks / 64)),
      },
      sumPartials(
        { partial, addend: call.inputs[2], y: required(call, "outputs", 0) },
        { n, chunks },
      ),
    ];
  },
};
