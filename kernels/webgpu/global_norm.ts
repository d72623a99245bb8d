/**
 * norm = sqrt(Σ g²).
 *
 * Shapes: g (count), norm (1). The squares are summed by rows into scratch,
 * these sums by rows again, until one is left. Each invocation keeps its own
 * f32 sum and the sums of a row are added as a tree, so the error grows with
 * the terms of one invocation (at most 256 a pass), not with the count.
 * A number that is not finite makes the norm infinite. Bindings: x, y.
 * Dispatch: rows as in row_lanes.ts.
 *
 * @module
 */
import { attribute, type Dispatch, type Kernel, required } from "./kernel.ts";
import { rowDispatch, rowShaders } from "./row_lanes.ts";

const WGSL = /* wgsl */ `
struct Size {
  count: u32, width: u32,
  // Bits: 1 the first pass squares, 2 the last one takes the root.
  parts: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> size: Size;

fn is_finite(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(LANES * GROUP_ROWS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let lane = index % LANES;
  let row = first_row(group, groups) + index / LANES;
  let first = row * size.width;
  let end = min(first + size.width, size.count);
  var infinity = 0x7f800000u;
  var sum = 0.0;
  for (var i = first + lane; i < end; i += LANES) {
    var v = x[i];
    if ((size.parts & 1u) != 0u) { v *= v; }
    if (!is_finite(v)) { v = bitcast<f32>(infinity); }
    sum += v;
  }
  let whole = total(sum, lane);
  if (lane == 0u && first < size.count) {
    y[row] = select(whole, sqrt(whole), (size.parts & 2u) != 0u);
  }
}
`;

const shaders = rowShaders({
  name: "global_norm",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "y"],
  uniform: true,
});

/** The Euclidean norm of all gradients. */
export const globalNorm: Kernel = {
  name: "global_norm",
  shaders: [shaders.shared, shaders.alone],
  lower(call, context) {
    const width = context.software ? 256 : 16_384;
    const dispatches: Dispatch[] = [];
    let x = required(call, "inputs", 0);
    let count = attribute(call, "count");
    do {
      const rows = Math.ceil(count / width);
      const y = rows > 1
        ? context.scratch([rows])
        : required(call, "outputs", 0);
      const parts = (dispatches.length === 0 ? 1 : 0) | (rows > 1 ? 0 : 2);
      dispatches.push({
        ...rowDispatch(shaders, context, { rows, width }),
        places: [x, y],
        uniform: [count, width, parts],
      });
      [x, count] = [y, rows];
    } while (count > 1);
    return dispatches;
  },
};
