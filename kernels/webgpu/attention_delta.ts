/**
 * δ = Σ_c do·o of every query and head, which the gradient of attention needs.
 *
 * Shapes: dout, o (B, T, H·c) as vectors of four, δ (B, H, T). Bindings: dout,
 * o, delta, size. Dispatch: 64 queries and heads a workgroup.
 *
 * @module
 */
import type { Shader } from "./kernel.ts";

const DELTA = /* wgsl */ `
// No constants: they would unroll the sum, which takes long to compile.
struct Size { rows: u32, tokens: u32, heads: u32, vectors: u32 }

@group(0) @binding(0) var<storage, read_write> dout: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> delta: array<f32>;
@group(0) @binding(3) var<uniform> size: Size;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.y * groups.x + group.x) * 64u + lane;
  if (row >= size.rows) { return; }
  var sum = 0.0;
  for (var i = 0u; i < size.vectors; i++) {
    let at = row * size.vectors + i;
    sum += dot(dout[at], o[at]);
  }
  let head = row % size.heads;
  let token = row / size.heads % size.tokens;
  let image = row / size.heads / size.tokens;
  delta[(image * size.heads + head) * size.tokens + token] = sum;
}
`;

/** The sums of products of attention's result and its gradient. */
export const deltaShader: Shader = {
  name: "attention_gradient_delta",
  wgsl: DELTA,
  entry: "main",
  bindings: ["dout", "o", "delta"],
  uniform: true,
};
