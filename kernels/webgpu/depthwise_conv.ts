/**
 * Depthwise convolution of channels-last maps.
 *
 *     y[b, i, j] = Σ x[b, i + u - p, j + v - p]·weight[u, v] (+ bias)
 *                  (+ residual[b, i, j]),  p = (k - 1) / 2, zeros outside
 *
 * FLIP reads the weight backwards: the gradient towards x. Shapes: x, residual,
 * y (B, S, S, C), weight (k, k, C), bias (C), as vectors of four channels.
 * Bindings: x, weight, bias, residual, y. Dispatch: 64 vectors of y a
 * workgroup.
 *
 * @module
 */
import {
  attribute,
  flag,
  flatGrid,
  type Kernel,
  required,
  type Shader,
} from "./kernel.ts";

const WGSL = /* wgsl */ `
override COUNT: u32;
override SIZE: i32;
override VECTORS: u32;
override KERNEL: i32;
override FLIP: bool;
override HAS_BIAS: bool;
override HAS_RESIDUAL: bool;

@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> residual: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.y * groups.x + group.x) * 64u + lane;
  if (index >= COUNT) { return; }
  let c = index % VECTORS;
  let token = i32(index / VECTORS);
  let j = token % SIZE;
  let row = token / SIZE;
  let i = row % SIZE;
  let pad = KERNEL / 2;
  var sum = vec4f(0.0);
  if (HAS_BIAS) { sum = bias[c]; }
  for (var u = max(0, pad - i); u < min(KERNEL, SIZE + pad - i); u++) {
    for (var v = max(0, pad - j); v < min(KERNEL, SIZE + pad - j); v++) {
      var tap = u * KERNEL + v;
      if (FLIP) { tap = KERNEL * KERNEL - 1 - tap; }
      let source = (row + u - pad) * SIZE + j + v - pad;
      sum = fma(
        x[u32(source) * VECTORS + c], weight[u32(tap) * VECTORS + c], sum);
    }
  }
  if (HAS_RESIDUAL) { sum += residual[index]; }
  y[index] = sum;
}
`;

const shader: Shader = {
  name: "depthwise_conv",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "weight", "bias", "residual", "y"],
};

/** Convolution of every channel with a kernel of its own. */
export const depthwiseConv: Kernel = {
  name: "depthwise_conv",
  half: { inputs: [0, 1, 2, 3], outputs: [0] },
  shaders: [shader],
  lower(call) {
    const size = attribute(call, "size");
    const vectors = attribute(call, "channels") / 4;
    const count = attribute(call, "batch") * size * size * vectors;
    const [, , bias, residual] = call.inputs;
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
        COUNT: count,
        SIZE: size,
        VECTORS: vectors,
        KERNEL: attribute(call, "kernel"),
        FLIP: attribute(call, "flip"),
        HAS_BIAS: flag(bias),
        HAS_RESIDUAL: flag(residual),
      },
      grid: flatGrid(Math.ceil(count / 64)),
    }];
  },
};
