/**
 * norm = sqrt(Σ g²).
 *
 * Shapes: g (count), norm (1). Two dispatches: workgroups of 64 sum up to
 * 16,384 squares each into scratch, then one workgroup sums those. Each
 * invocation keeps its own f32 sum and the sums are added as a tree, so the
 * error grows with the terms of one invocation (256), not with the count.
 * A number that is not finite makes the norm infinite. Bindings: x, y.
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

const WGSL = /* wgsl */ `
override COUNT: u32;
override PER_GROUP: u32;
override SQUARE: bool;
override ROOT: bool;

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

var<workgroup> sums: array<f32, 64>;

fn is_finite(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = group.y * groups.x + group.x;
  let first = index * PER_GROUP;
  let end = min(first + PER_GROUP, COUNT);
  var infinity = 0x7f800000u;
  var sum = 0.0;
  for (var i = first + lane; i < end; i += 64u) {
    var v = x[i];
    if (SQUARE) { v *= v; }
    if (!is_finite(v)) { v = bitcast<f32>(infinity); }
    sum += v;
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half >>= 1u) {
    if (lane < half) { sums[lane] += sums[lane + half]; }
    workgroupBarrier();
  }
  if (lane == 0u && first < COUNT) {
    y[index] = select(sums[0], sqrt(sums[0]), ROOT);
  }
}
`;

const shader: Shader = {
  name: "global_norm",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "y"],
};

const PER_GROUP = 16_384;

/** The Euclidean norm of all gradients. */
export const globalNorm: Kernel = {
  name: "global_norm",
  shaders: [shader],
  lower(call, context) {
    const count = attribute(call, "count");
    const groups = Math.ceil(count / PER_GROUP);
    const partial = context.scratch([groups]);
    return [{
      shader,
      places: [required(call, "inputs", 0), partial],
      constants: { COUNT: count, PER_GROUP, SQUARE: 1, ROOT: 0 },
      grid: flatGrid(groups),
    }, {
      shader,
      places: [partial, required(call, "outputs", 0)],
      constants: { COUNT: groups, PER_GROUP: groups, SQUARE: 0, ROOT: 1 },
      grid: [1, 1, 1],
    }];
  },
};
