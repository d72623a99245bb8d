/**
 * y[j] = Σ_i x[i, j] (+ addend[j]): the gradient of a bias.
 *
 * Shapes: x (m, n), addend, y (n). Two dispatches: an invocation sums a chunk
 * of about √m rows of one column of Numbers into scratch, then the chunks are
 * summed. Bindings: x, partial. Dispatch: 64 columns by one chunk a workgroup.
 *
 * @module
 */
import { CHUNKS_WGSL, columnChunks } from "./column_chunks.ts";
import { type Kernel, required } from "./kernel.ts";
import { numberShaders } from "./numbers.ts";
import { sumPartialsShader } from "./sum_partials.ts";

const WGSL = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> x: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> partial: array<Numbers>;
@group(0) @binding(2) var<uniform> size: Size;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let column = i % size.n;
  let chunk = i / size.n;
  if (chunk >= size.chunks) { return; }
  let first = chunk * size.chunk;
  let end = min(first + size.chunk, size.rows);
  var sum = Numbers();
  for (var row = first; row < end; row++) { sum += x[row * size.n + column]; }
  partial[i] = sum;
}
`;

const shaders = numberShaders({
  name: "column_sum",
  wgsl: CHUNKS_WGSL + WGSL,
  entry: "main",
  bindings: ["x", "partial"],
  uniform: true,
});

/** Sums over rows. */
export const columnSum: Kernel = {
  name: "column_sum",
  half: { inputs: [0], outputs: [] },
  shaders: [shaders.scalars, shaders.vectors, sumPartialsShader],
  lower: (call, context) =>
    columnChunks(call, context, {
      shaders,
      inputs: [required(call, "inputs", 0)],
      results: [{ y: required(call, "outputs", 0), addend: call.inputs[1] }],
    }),
};
