/**
 * y[b, i] = scale[b]·x[b, i] (+ residual[b, i]): drop path.
 *
 * Shapes: x, residual, y (B, inner), scale (B). Bindings: x, scale, residual,
 * y. Dispatch: 256 Numbers a workgroup, one after the other 64 apart.
 *
 * @module
 */
import { attribute, flag, flatGrid, type Kernel, required } from "./kernel.ts";
import { outputCount } from "./elementwise.ts";
import { forRows, numberShaders } from "./numbers.ts";

const WGSL = /* wgsl */ `
override COUNT: u32;
override WIDTH: u32;
override HAS_RESIDUAL: bool;

@group(0) @binding(0) var<storage, read_write> x: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> residual: array<Numbers>;
@group(0) @binding(3) var<storage, read_write> y: array<Numbers>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (group.y * groups.x + group.x) * 256u + lane;
  for (var step = 0u; step < 4u; step++) {
    let i = first + 64u * step;
    if (i >= COUNT) { return; }
    var v = scale[i / WIDTH] * x[i];
    if (HAS_RESIDUAL) { v += residual[i]; }
    y[i] = v;
  }
}
`;

const shaders = numberShaders({
  name: "scale_rows",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "scale", "residual", "y"],
});

/** Rows times a number of their own. */
export const scaleRows: Kernel = {
  name: "scale_rows",
  half: { inputs: [0, 2], outputs: [0] },
  shaders: [shaders.scalars, shaders.vectors],
  lower(call) {
    const inner = attribute(call, "width");
    const { shader, width } = forRows(shaders, inner);
    const count = outputCount(call) / inner * width;
    const residual = call.inputs[2];
    return [{
      shader,
      places: [
        required(call, "inputs", 0),
        required(call, "inputs", 1),
        residual,
        required(call, "outputs", 0),
      ],
      constants: {
        COUNT: count,
        WIDTH: width,
        HAS_RESIDUAL: flag(residual),
      },
      grid: flatGrid(Math.ceil(count / 256)),
    }];
  },
};
