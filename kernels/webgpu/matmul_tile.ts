/**
 * Matrix product by tiles in workgroup memory: the family for GPUs.
 *
 * A workgroup of 16 by 16 invocations makes 64 rows by 64 columns, 4 by 4 an
 * invocation, from tiles of 16 of the k products; 8 KiB of workgroup memory.
 *
 * Shapes and epilogue as in matmul_common.ts; any size: rows and columns are
 * clamped, products past the end of k are zero. Bindings: a, b, bias,
 * residual, y, pre, size. Dispatch: tiles of columns, of rows, chunks of k.
 * Accumulates in f32, one sum.
 *
 * @module
 */
import type { Shader } from "./kernel.ts";
import { EPILOGUE_WGSL, matmulBindings } from "./matmul_common.ts";

const WGSL = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> pre: array<f32>;
@group(0) @binding(6) var<uniform> size: Size;

// [depth][row / 4] and [depth][column / 4], four neighbours a vector.
var<workgroup> a_tile: array<vec4f, 256>;
var<workgroup> b_tile: array<vec4f, 256>;

// Which part of a tile a lane loads: neighbours are neighbours in memory.
fn share(lane: u32, depth_is_fast: bool) -> vec2u {
  let fast = lane % 16u;
  let slow = lane / 16u;
  return select(vec2u(slow, fast), vec2u(fast, slow), depth_is_fast);
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let four = vec4u(0u, 1u, 2u, 3u);
  let tx = lane % 16u;
  let ty = lane / 16u;
  let a_share = share(lane, size.a_depth == 1u);
  let b_share = share(lane, size.b_depth == 1u);
  let first = group.z * size.chunk;
  let end = min(first + size.chunk, size.k);
  let rows = vec4u(group.y * 64u + a_share.y * 4u) + four;
  let columns = vec4u(group.x * 64u + b_share.y * 4u) + four;
  let a_at = min(rows, vec4u(size.m - 1u)) * size.a_row;
  let b_at = min(columns, vec4u(size.n - 1u)) * size.b_column;
  var c0 = vec4f(0.0);
  var c1 = vec4f(0.0);
  var c2 = vec4f(0.0);
  var c3 = vec4f(0.0);
  for (var depth = first; depth < end; depth += 16u) {
    var a_part = vec4f(0.0);
    var b_part = vec4f(0.0);
    if (depth + a_share.x < end) {
      let at = a_at + vec4u((depth + a_share.x) * size.a_depth);
      a_part = vec4f(a[at.x], a[at.y], a[at.z], a[at.w]);
    }
    if (depth + b_share.x < end) {
      let at = b_at + vec4u((depth + b_share.x) * size.b_depth);
      b_part = vec4f(b[at.x], b[at.y], b[at.z], b[at.w]);
    }
    a_tile[a_share.x * 16u + a_share.y] = a_part;
    b_tile[b_share.x * 16u + b_share.y] = b_part;
    workgroupBarrier();
    for (var i = 0u; i < 256u; i += 64u) {
      let p = a_tile[i + ty];
      let q = b_tile[i + tx];
      c0 = fma(vec4f(p.x), q, c0);
      c1 = fma(vec4f(p.y), q, c1);
      c2 = fma(vec4f(p.z), q, c2);
      c3 = fma(vec4f(p.w), q, c3);
      let r = a_tile[i + 16u + ty];
      let s = b_tile[i + 16u + tx];
      c0 = fma(vec4f(r.x), s, c0);
      c1 = fma(vec4f(r.y), s, c1);
      c2 = fma(vec4f(r.z), s, c2);
      c3 = fma(vec4f(r.w), s, c3);
      let t = a_tile[i + 32u + ty];
      let u = b_tile[i + 32u + tx];
      c0 = fma(vec4f(t.x), u, c0);
      c1 = fma(vec4f(t.y), u, c1);
      c2 = fma(vec4f(t.z), u, c2);
      c3 = fma(vec4f(t.w), u, c3);
      let v = a_tile[i + 48u + ty];
      let w = b_tile[i + 48u + tx];
      c0 = fma(vec4f(v.x), w, c0);
      c1 = fma(vec4f(v.y), w, c1);
      c2 = fma(vec4f(v.z), w, c2);
      c3 = fma(vec4f(v.w), w, c3);
    }
    workgroupBarrier();
  }
  let row = group.y * 64u + ty * 4u;
  let column = group.x * 64u + tx * 4u;
  let start = group.z * size.m * size.n;
  finish(start, row, column, c0);
  finish(start, row + 1u, column, c1);
  finish(start, row + 2u, column, c2);
  finish(start, row + 3u, column, c3);
}
`;

/** The workgroup-memory tile. */
export const matmulTileShader: Shader = {
  name: "matmul_tile",
  wgsl: EPILOGUE_WGSL + WGSL,
  entry: "main",
  bindings: matmulBindings,
  uniform: true,
};
