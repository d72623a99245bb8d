/**
 * Scaling and shifting of channels, and the gradients towards both.
 *
 *     y[i, j] = x[i, j]·scale[j] (+ shift[j]) (+ addend[i, j])
 *     dscale[j] = Σ_i dy[i, j]·x[i, j],  dshift[j] = Σ_i dy[i, j]
 *
 * Shapes: x, addend, y, dy (m, n); scale, shift, dscale, dshift (n). Dispatch:
 * forward 64 Numbers a workgroup; the gradients 64 columns of Numbers by one
 * chunk of rows a workgroup, then the chunks are summed.
 *
 * @module
 */
import { CHUNKS_WGSL, columnChunks } from "./column_chunks.ts";
import { attribute, flag, flatGrid, type Kernel, required } from "./kernel.ts";
import { forRows, numberShaders } from "./numbers.ts";
import { sumPartialsShader } from "./sum_partials.ts";

const FORWARD = /* wgsl */ `
override COUNT: u32;
override N: u32;
override HAS_SHIFT: bool;
override HAS_ADDEND: bool;

@group(0) @binding(0) var<storage, read_write> x: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> scale: array<Numbers>;
@group(0) @binding(2) var<storage, read_write> shift: array<Numbers>;
@group(0) @binding(3) var<storage, read_write> addend: array<Numbers>;
@group(0) @binding(4) var<storage, read_write> y: array<Numbers>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= COUNT) { return; }
  let j = i % N;
  var v = x[i] * scale[j];
  if (HAS_SHIFT) { v += shift[j]; }
  if (HAS_ADDEND) { v += addend[i]; }
  y[i] = v;
}
`;

const GRADIENT = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> dy: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> x: array<Numbers>;
@group(0) @binding(2) var<storage, read_write> dscale: array<Numbers>;
@group(0) @binding(3) var<storage, read_write> dshift: array<Numbers>;
@group(0) @binding(4) var<uniform> size: Size;

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
    product = fma(g, x[at], product);
    sum += g;
  }
  dscale[i] = product;
  dshift[i] = sum;
}
`;

const forward = numberShaders({
  name: "scale_shift",
  wgsl: FORWARD,
  entry: "main",
  bindings: ["x", "scale", "shift", "addend", "y"],
});

const gradient = numberShaders({
  name: "scale_shift_gradient",
  wgsl: CHUNKS_WGSL + GRADIENT,
  entry: "main",
  bindings: ["dy", "x", "dscale", "dshift"],
  uniform: true,
});

/** Scales and shifts channels. */
export const scaleShift: Kernel = {
  name: "scale_shift",
  half: { inputs: [0, 3], outputs: [0] },
  shaders: [forward.scalars, forward.vectors],
  lower(call) {
    const [, , shift, addend] = call.inputs;
    const { shader, width } = forRows(forward, attribute(call, "n"));
    const count = attribute(call, "m") * width;
    return [{
      shader,
      places: [
        required(call, "inputs", 0),
        required(call, "inputs", 1),
        shift,
        addend,
        required(call, "outputs", 0),
      ],
      constants: {
        COUNT: count,
        N: width,
        HAS_SHIFT: flag(shift),
        HAS_ADDEND: flag(addend),
      },
      grid: flatGrid(Math.ceil(count / 64)),
    }];
  },
};

/** The gradients to scale and shift. */
export const scaleShiftGradient: Kernel = {
  name: "scale_shift_gradient",
  half: { inputs: [0, 1], outputs: [] },
  shaders: [gradient.scalars, gradient.vectors, sumPartialsShader],
  lower: (call, context) =>
    columnChunks(call, context, {
      shaders: gradient,
      inputs: [0, 1].map((i) => required(call, "inputs", i)),
      results: [{ y: call.outputs[0] }, { y: call.outputs[1] }],
    }),
};
