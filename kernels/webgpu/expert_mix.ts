/**
 * ALoRE's aggregation at rank width (arXiv 2412.08341, the n×n factors S_e).
 *
 *     transpose = 0:  y[t, b, e, :] = Σ_a S[e, a, b]·x[t, a, e, :]
 *     transpose = 1:  y[t, a, e, :] = Σ_b S[e, a, b]·x[t, b, e, :]
 *
 * Shapes: x, y (M, n, n, r) as [row, chunk, expert, rank], S (n, n, n).
 * Bindings: x, scale, y. Dispatch: 64 Numbers of y a workgroup, a rank of RANK.
 *
 * @module
 */
import { attribute, flatGrid, type Kernel, required } from "./kernel.ts";
import { forRows, numberShaders } from "./numbers.ts";

const WGSL = /* wgsl */ `
override EXPERTS: u32;
override RANK: u32;

// No constants, for each set of them would make a pipeline.
struct Size { rows: u32, transpose: u32 }

@group(0) @binding(0) var<storage, read_write> x: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Numbers>;
@group(0) @binding(3) var<uniform> size: Size;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let width = EXPERTS * RANK;
  if (i >= size.rows * EXPERTS * width) { return; }
  let column = i % width;
  let expert = column / RANK;
  let chunk = (i / width) % EXPERTS;
  let row = i / (width * EXPERTS);
  var source = row * EXPERTS * width + column;
  var at = expert * EXPERTS * EXPERTS;
  var step = EXPERTS;
  if (size.transpose != 0u) { at += chunk * EXPERTS; step = 1u; }
  else { at += chunk; }
  var sum = Numbers();
  for (var other = 0u; other < EXPERTS; other++) {
    sum += scale[at] * x[source];
    source += width;
    at += step;
  }
  y[i] = sum;
}
`;

const shaders = numberShaders({
  name: "expert_mix",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "scale", "y"],
  uniform: true,
});

/** Mixes the chunks of every expert. */
export const expertMix: Kernel = {
  name: "expert_mix",
  half: { inputs: [0], outputs: [0] },
  shaders: [shaders.scalars, shaders.vectors],
  lower(call) {
    const rows = attribute(call, "rows");
    const experts = attribute(call, "experts");
    const { shader, width } = forRows(shaders, attribute(call, "rank"));
    return [{
      shader,
      places: [
        required(call, "inputs", 0),
        required(call, "inputs", 1),
        required(call, "outputs", 0),
      ],
      constants: { EXPERTS: experts, RANK: width },
      uniform: [rows, attribute(call, "transpose")],
      grid: flatGrid(Math.ceil(rows * experts ** 2 * width / 64)),
    }];
  },
};
