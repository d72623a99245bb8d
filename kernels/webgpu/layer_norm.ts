/**
 * Layer normalization (Ba et al., arXiv 1607.06450) and its gradients.
 *
 *     y = (x - mean)·rstd·weight + bias,  rstd = (var + eps)^-1/2
 *     dx = rstd·(g - mean(g) - x̂·mean(g·x̂)) (+ addend),  g = dy·weight
 *     dweight = Σ_rows dy·x̂,  dbias = Σ_rows dy,  x̂ = (x - mean)·rstd
 *
 * Shapes: x, y, dy, dx, addend (m, n); weight, bias, dweight, dbias (n);
 * mean, rstd (m). The variance is the mean of (x - mean)², a second pass.
 * Dispatch: rows as in row_lanes.ts; the parameter gradients by chunks of
 * rows, 64 columns by one chunk a workgroup, then the chunks are summed.
 * Accumulates in f32, per invocation and then as a tree.
 *
 * @module
 */
import type { Place } from "../engine.ts";
import {
  attribute,
  flag,
  flatGrid,
  type Kernel,
  required,
  type Shader,
} from "./kernel.ts";
import { floatBits } from "./matmul_common.ts";
import { rowDispatch, rowShaders } from "./row_lanes.ts";
import { splitRows, sumPartials, sumPartialsShader } from "./sum_partials.ts";

const SIZE = /* wgsl */ `
// No constants: each would make a pipeline, which takes long to compile.
struct Size {
  m: u32, n: u32,
  eps: f32,
  // Bits: 1 mean, 2 rstd, 4 addend.
  parts: u32,
}
`;

const FORWARD = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> mean_out: array<f32>;
@group(0) @binding(5) var<storage, read_write> rstd_out: array<f32>;
@group(0) @binding(6) var<uniform> size: Size;

@compute @workgroup_size(LANES * GROUP_ROWS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let lane = index % LANES;
  let row = first_row(group, groups) + index / LANES;
  // Rows past the end are empty.
  let width = select(0u, size.n, row < size.m);
  let first = row * size.n;
  var sum = 0.0;
  for (var j = lane; j < width; j += LANES) { sum += x[first + j]; }
  let mean = total(sum, lane) / f32(size.n);
  var squares = 0.0;
  for (var j = lane; j < width; j += LANES) {
    let centered = x[first + j] - mean;
    squares = fma(centered, centered, squares);
  }
  let rstd = 1.0 / sqrt(total(squares, lane) / f32(size.n) + size.eps);
  for (var j = lane; j < width; j += LANES) {
    let normal = (x[first + j] - mean) * rstd;
    y[first + j] = fma(normal, weight[j], bias[j]);
  }
  if (lane == 0u && row < size.m) {
    if ((size.parts & 1u) != 0u) { mean_out[row] = mean; }
    if ((size.parts & 2u) != 0u) { rstd_out[row] = rstd; }
  }
}
`;

const GRADIENT = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> mean_in: array<f32>;
@group(0) @binding(4) var<storage, read_write> rstd_in: array<f32>;
@group(0) @binding(5) var<storage, read_write> addend: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;
@group(0) @binding(7) var<uniform> size: Size;

@compute @workgroup_size(LANES * GROUP_ROWS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let lane = index % LANES;
  let row = first_row(group, groups) + index / LANES;
  // Rows past the end are empty.
  let width = select(0u, size.n, row < size.m);
  let first = row * size.n;
  let mean = mean_in[row];
  let rstd = rstd_in[row];
  var sum = 0.0;
  var product = 0.0;
  for (var j = lane; j < width; j += LANES) {
    let g = dy[first + j] * weight[j];
    sum += g;
    product = fma(g, (x[first + j] - mean) * rstd, product);
  }
  let g_mean = total(sum, lane) / f32(size.n);
  let product_mean = total(product, lane) / f32(size.n);
  for (var j = lane; j < width; j += LANES) {
    let at = first + j;
    let normal = (x[at] - mean) * rstd;
    var v = rstd * (dy[at] * weight[j] - g_mean - normal * product_mean);
    if ((size.parts & 4u) != 0u) { v += addend[at]; }
    dx[at] = v;
  }
}
`;

const PARAMETERS = /* wgsl */ `
override M: u32;
override N: u32;
override CHUNK: u32;
override CHUNKS: u32;

@group(0) @binding(0) var<storage, read_write> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean_in: array<f32>;
@group(0) @binding(3) var<storage, read_write> rstd_in: array<f32>;
@group(0) @binding(4) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let column = i % N;
  let chunk = i / N;
  if (chunk >= CHUNKS) { return; }
  let first = chunk * CHUNK;
  let end = min(first + CHUNK, M);
  var product = 0.0;
  var sum = 0.0;
  for (var row = first; row < end; row++) {
    let at = row * N + column;
    let g = dy[at];
    product = fma(g, (x[at] - mean_in[row]) * rstd_in[row], product);
    sum += g;
  }
  dweight[i] = product;
  dbias[i] = sum;
}
`;

const forward = rowShaders({
  name: "layer_norm",
  wgsl: SIZE + FORWARD,
  entry: "main",
  bindings: ["x", "weight", "bias", "y", "mean", "rstd"],
  uniform: true,
});

const gradient = rowShaders({
  name: "layer_norm_gradient",
  wgsl: SIZE + GRADIENT,
  entry: "main",
  bindings: ["dy", "x", "weight", "mean", "rstd", "addend", "dx"],
  uniform: true,
});

const parameters: Shader = {
  name: "layer_norm_parameter_gradient",
  wgsl: PARAMETERS,
  entry: "main",
  bindings: ["dy", "x", "mean", "rstd", "dweight", "dbias"],
};

/** Layer normalization of rows. */
export const layerNorm: Kernel = {
  name: "layer_norm",
  half: { inputs: [0], outputs: [0] },
  shaders: [forward.shared, forward.alone],
  lower(call, context) {
    const m = attribute(call, "m");
    const n = attribute(call, "n");
    const [, mean, rstd] = call.outputs;
    return [{
      ...rowDispatch(forward, context, { rows: m, width: n }),
      places: [
        required(call, "inputs", 0),
        required(call, "inputs", 1),
        required(call, "inputs", 2),
        required(call, "outputs", 0),
        mean,
        rstd,
      ],
      uniform: [
        m,
        n,
        floatBits(attribute(call, "eps")),
        flag(mean) | flag(rstd) << 1,
      ],
    }];
  },
};

/** The gradient to the rows. */
export const layerNormGradient: Kernel = {
  name: "layer_norm_gradient",
  half: { inputs: [0, 1, 5], outputs: [0] },
  shaders: [gradient.shared, gradient.alone],
  lower(call, context) {
    const m = attribute(call, "m");
    const n = attribute(call, "n");
    const addend = call.inputs[5];
    return [{
      ...rowDispatch(gradient, context, { rows: m, width: n }),
      places: [
        ...[0, 1, 2, 3, 4].map((i) => required(call, "inputs", i)),
        addend,
        required(call, "outputs", 0),
      ],
      uniform: [m, n, 0, flag(addend) << 2],
    }];
  },
};

/** The gradients to weight and bias. */
export const layerNormParameterGradient: Kernel = {
  name: "layer_norm_parameter_gradient",
  half: { inputs: [0, 1], outputs: [] },
  shaders: [parameters, sumPartialsShader],
  lower(call, context) {
    const m = attribute(call, "m");
    const n = attribute(call, "n");
    const { size, chunks } = splitRows(m);
    const dweight = context.scratch([chunks, n]);
    const dbias = context.scratch([chunks, n]);
    const sum = (partial: Place, y: Place | undefined) =>
      y === undefined ? [] : [sumPartials({ partial, y }, { n, chunks })];
    return [
      {
        shader: parameters,
        places: [
          ...[0, 1, 2, 3].map((i) => required(call, "inputs", i)),
          dweight,
          dbias,
        ],
        constants: { M: m, N: n, CHUNK: size, CHUNKS: chunks },
        grid: flatGrid(Math.ceil(n * chunks / 64)),
      },
      ...sum(dweight, call.outputs[0]),
      ...sum(dbias, call.outputs[1]),
    ];
  },
};
