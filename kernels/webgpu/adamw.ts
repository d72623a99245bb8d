/**
 * One AdamW update (Loshchilov and Hutter, arXiv 1711.05101) of a flat range
 * of parameters, with clipping by the global norm:
 *
 *     g = grad·(clip > 0 ? min(1, clip/(norm + 1e-6)) : 1)
 *     m = β1·m + (1-β1)·g,  v = β2·v + (1-β2)·g²
 *     p = p·(1 - lr·wd) - lr·(m/c1)/(sqrt(v/c2) + eps)
 *
 * Nothing changes when the norm is not finite. Shapes: param, grad, m, v
 * (count), norm (1), settings (8): lr, β1, β2, eps, wd, clip, c1 = 1-β1ⁿ,
 * c2 = 1-β2ⁿ. Bindings: param, grad, m, v, norm, settings. Dispatch: 256
 * elements a workgroup, one after the other 64 apart.
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
struct Size { count: u32 }

@group(0) @binding(0) var<storage, read_write> param: array<f32>;
@group(0) @binding(1) var<storage, read_write> grad: array<f32>;
@group(0) @binding(2) var<storage, read_write> m: array<f32>;
@group(0) @binding(3) var<storage, read_write> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> norm: array<f32>;
@group(0) @binding(5) var<storage, read_write> settings: array<vec4f>;
@group(0) @binding(6) var<uniform> size: Size;

fn is_finite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let whole = norm[0];
  let lr = settings[0].x;
  let beta1 = settings[0].y;
  let beta2 = settings[0].z;
  let eps = settings[0].w;
  let decay = 1.0 - lr * settings[1].x;
  let clip = settings[1].y;
  var shrink = 1.0;
  if (clip > 0.0) { shrink = min(1.0, clip / (whole + 1e-6)); }
  let rate = lr / settings[1].z;
  let correction2 = settings[1].w;
  let first = (group.y * groups.x + group.x) * 256u;
  // What lies behind a branch would not be loaded once for all lanes.
  let count = select(0u, size.count, is_finite(whole));
  let end = min(first + 256u, count);
  for (var i = first + lane; i < end; i += 64u) {
    let g = grad[i] * shrink;
    let m1 = beta1 * m[i] + (1.0 - beta1) * g;
    let v1 = beta2 * v[i] + (1.0 - beta2) * g * g;
    m[i] = m1;
    v[i] = v1;
    param[i] = param[i] * decay - rate * m1 / (sqrt(v1 / correction2) + eps);
  }
}
`;

const shader: Shader = {
  name: "adamw",
  wgsl: WGSL,
  entry: "main",
  bindings: ["param", "grad", "m", "v", "norm", "settings"],
  uniform: true,
};

/** AdamW; writes its inputs 0, 2 and 3. */
export const adamw: Kernel = {
  name: "adamw",
  shaders: [shader],
  lower(call) {
    const count = attribute(call, "count");
    return [{
      shader,
      places: [0, 1, 2, 3, 4, 5].map((i) => required(call, "inputs", i)),
      constants: {},
      uniform: [count],
      grid: flatGrid(Math.ceil(count / 256)),
    }];
  },
};
