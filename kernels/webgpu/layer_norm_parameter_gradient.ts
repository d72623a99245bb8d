/**
 * The gradients of layer normalization to its weight and bias.
 *
 *     dweight = Σ_rows dy·x̂,  dbias = Σ_rows dy,  x̂ = (x - mean)·rstd
 *
 * Shapes: x, dy (m, n); dweight, dbias (n); mean, rstd (m). Dispatch: 64 columns
 * of Numbers by one chunk of rows a workgroup, then the chunks are summed.
 * Accumulates in f32, per invocation and then as a tree.
 *
 * @module
 */
import { CHUNKS_WGSL, columnChunks } from "./column_chunks.ts";
import { type Kernel, required } from "./kernel.ts";
import { numberShaders } from "./numbers.ts";
import { sumPartialsShader } from "./sum_partials.ts";

const WGSL = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> dy: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> x: array<Numbers>;
@group(0) @binding(2) var<storage, read_write> mean_in: array<f32>;
@group(0) @binding(3) var<storage, read_write> rstd_in: array<f32>;
@group(0) @binding(4) var<storage, read_write> dweight: array<Numbers>;
@group(0) @binding(5) var<storage, read_write> dbias: array<Numbers>;
@group(0) @binding(6) var<uniform> size: Size;

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
  var product = Numbers();
  var sum = Numbers();
  for (var row = first; row < end; row++) {
    let at = row * size.n + column;
    let g = dy[at];
    product = fma(g, (x[at] - mean_in[row]) * rstd_in[row], product);
    sum += g;
  }
  dweight[i] = product;
  dbias[i] = sum;
}
`;

const shaders = numberShaders({
  name: "layer_norm_parameter_gradient",
  wgsl: CHUNKS_WGSL + WGSL,
  entry: "main",
  bindings: ["dy", "x", "mean", "rstd", "dweight", "dbias"],
  uniform: true,
});

/** The gradients to weight and bias. */
export const layerNormParameterGradient: Kernel = {
  name: "layer_norm_parameter_gradient",
  half: { inputs: [0, 1], outputs: [] },
  shaders: [shaders.scalars, shaders.vectors, sumPartialsShader],
  lower: (call, context) =>
    columnChunks(call, context, {
      shaders,
      inputs: [0, 1, 2, 3].map((i) => required(call, "inputs", i)),
      results: [{ y: call.outputs[0] }, { y: call.outputs[1] }],
    }),
};
