/**
 * Layer normalization (Ba et al., arXiv 1607.06450) and its gradient.
 *
 *     y = (x - mean)·rstd·weight + bias,  rstd = (var + eps)^-1/2
 *     dx = rstd·(g - mean(g) - x̂·mean(g·x̂)) (+ addend),  g = dy·weight
 *     x̂ = (x - mean)·rstd
 *
 * Shapes: x, y, dy, dx, addend (m, n); weight, bias (n); mean, rstd (m). The
 * variance is the mean of (x - mean)², a second pass. Dispatch: rows as in
 * row_lanes.ts. Accumulates in f32, per invocation and then as a tree.
 *
 * @module
 */
import {
  attribute,
  flag,
  type Kernel,
  type LoweringContext,
  required,
  type Shader,
} from "./kernel.ts";
import { floatBits } from "./matmul_common.ts";
import { forRows, type NumberShaders, numberShaders } from "./numbers.ts";
import { rowDispatch, type RowShaders, rowShaders } from "./row_lanes.ts";

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
@group(0) @binding(0) var<storage, read_write> x: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> weight: array<Numbers>;
@group(0) @binding(2) var<storage, read_write> bias: array<Numbers>;
@group(0) @binding(3) var<storage, read_write> y: array<Numbers>;
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
  let count = size.n / NUMBERS;
  let width = select(0u, count, row < size.m);
  let first = row * count;
  var sum = Numbers();
  for (var j = lane; j < width; j += LANES) { sum += x[first + j]; }
  let mean = total(sum_of(sum), lane) / f32(size.n);
  var squares = Numbers();
  for (var j = lane; j < width; j += LANES) {
    let centered = x[first + j] - mean;
    squares = fma(centered, centered, squares);
  }
  let rstd = 1.0 / sqrt(total(sum_of(squares), lane) / f32(size.n) + size.eps);
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
@group(0) @binding(0) var<storage, read_write> dy: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> x: array<Numbers>;
@group(0) @binding(2) var<storage, read_write> weight: array<Numbers>;
@group(0) @binding(3) var<storage, read_write> mean_in: array<f32>;
@group(0) @binding(4) var<storage, read_write> rstd_in: array<f32>;
@group(0) @binding(5) var<storage, read_write> addend: array<Numbers>;
@group(0) @binding(6) var<storage, read_write> dx: array<Numbers>;
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
  let count = size.n / NUMBERS;
  let width = select(0u, count, row < size.m);
  let first = row * count;
  let mean = mean_in[row];
  let rstd = rstd_in[row];
  var sum = Numbers();
  var product = Numbers();
  for (var j = lane; j < width; j += LANES) {
    let g = dy[first + j] * weight[j];
    sum += g;
    product = fma(g, (x[first + j] - mean) * rstd, product);
  }
  let g_mean = total(sum_of(sum), lane) / f32(size.n);
  let product_mean = total(sum_of(product), lane) / f32(size.n);
  for (var j = lane; j < width; j += LANES) {
    let at = first + j;
    let normal = (x[at] - mean) * rstd;
    var v = rstd * (dy[at] * weight[j] - g_mean - normal * product_mean);
    if ((size.parts & 4u) != 0u) { v += addend[at]; }
    dx[at] = v;
  }
}
`;

/** For rows of numbers and of vectors, each shared or of an invocation's own. */
function normShaders(shader: Shader): NumberShaders<RowShaders> {
  const { scalars, vectors } = numberShaders(shader);
  return { scalars: rowShaders(scalars), vectors: rowShaders(vectors) };
}

function normDispatch(
  shaders: NumberShaders<RowShaders>,
  context: LoweringContext,
  rows: number,
  n: number,
): ReturnType<typeof rowDispatch> {
  const { shader, width } = forRows(shaders, n);
  return rowDispatch(shader, context, { rows, width });
}

function allOf({ scalars, vectors }: NumberShaders<RowShaders>): Shader[] {
  return [scalars, vectors].flatMap(({ shared, alone }) => [shared, alone]);
}

const forward = normShaders({
  name: "layer_norm",
  wgsl: SIZE + FORWARD,
  entry: "main",
  bindings: ["x", "weight", "bias", "y", "mean", "rstd"],
  uniform: true,
});

const gradient = normShaders({
  name: "layer_norm_gradient",
  wgsl: SIZE + GRADIENT,
  entry: "main",
  bindings: ["dy", "x", "weight", "mean", "rstd", "addend", "dx"],
  uniform: true,
});

/** Layer normalization of rows. */
export const layerNorm: Kernel = {
  name: "layer_norm",
  half: { inputs: [0], outputs: [0] },
  shaders: allOf(forward),
  lower(call, context) {
    const m = attribute(call, "m");
    const n = attribute(call, "n");
    const [, mean, rstd] = call.outputs;
    return [{
      ...normDispatch(forward, context, m, n),
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
  shaders: allOf(gradient),
  lower(call, context) {
    const m = attribute(call, "m");
    const n = attribute(call, "n");
    const addend = call.inputs[5];
    return [{
      ...normDispatch(gradient, context, m, n),
      places: [
        ...[0, 1, 2, 3, 4].map((i) => required(call, "inputs", i)),
        addend,
        required(call, "outputs", 0),
      ],
      uniform: [m, n, 0, flag(addend) << 2],
    }];
  },
};
