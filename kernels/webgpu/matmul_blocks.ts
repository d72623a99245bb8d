/**
 * What the matrix products by vectors share: operands that are read by blocks of
 * four by four numbers, and the epilogue by vectors.
 *
 * @module
 */
import { NORMAL_WGSL } from "./gelu.ts";
import { SIZE_WGSL } from "./matmul_common.ts";

/** WGSL of the bindings, of blocks and of the epilogue. */
export const BLOCKS_WGSL: string = NORMAL_WGSL + SIZE_WGSL + /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> a: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> residual: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> pre: array<vec4f>;
@group(0) @binding(6) var<uniform> size: Size;

const FOUR = vec4u(0u, 1u, 2u, 3u);

// Where four rows, or one vector of them, begin; alike for columns.
fn places(first: u32, count: u32, stride: u32, along: bool) -> vec4u {
  if (along) { return vec4u(min(first, count - 1u) / 4u); }
  return min(vec4u(first) + FOUR, vec4u(count - 1u)) * (stride / 4u);
}

// Where four steps of k begin from there; those past the end are the last.
fn steps(depth: u32, end: u32, stride: u32, along: bool) -> vec4u {
  if (along) { return vec4u(depth / 4u); }
  return min(vec4u(depth) + FOUR, vec4u(end - 1u)) * (stride / 4u);
}

// One pipeline serves all transposes: each would take seconds to compile.
fn turned(m: mat4x4f, turn: vec4<bool>) -> mat4x4f {
  let t = transpose(m);
  return mat4x4f(
    select(m[0], t[0], turn), select(m[1], t[1], turn),
    select(m[2], t[2], turn), select(m[3], t[3], turn));
}

// A row of four steps of k a column.
fn a_block(at: vec4u, turn: vec4<bool>) -> mat4x4f {
  return turned(mat4x4f(a[at.x], a[at.y], a[at.z], a[at.w]), turn);
}

// A step of four columns of B a column, whether or not they lie along memory.
fn b_block(at: vec4u, turn: vec4<bool>) -> mat4x4f {
  return turned(mat4x4f(b[at.x], b[at.y], b[at.z], b[at.w]), turn);
}

fn finish(start: u32, row: u32, column: u32, sum: vec4f) {
  if (row >= size.m || column >= size.n) { return; }
  let at = (row * size.y_row + column) / 4u;
  var v = size.alpha * sum;
  if ((size.parts & 1u) != 0u) { v += bias[column / 4u]; }
  if ((size.parts & 2u) != 0u) {
    if ((size.parts & 4u) != 0u) { pre[at] = v; }
    v *= normal_cdf(v);
  }
  if ((size.parts & 8u) != 0u) { v += residual[at]; }
  y[start / 4u + at] = v;
}
`;
