/**
 * Matrix product by a register tile: for software adapters, where the rows of
 * an operand are no whole vectors.
 *
 * Each invocation makes a square of 8 by 8 and needs no barrier. llvmpipe loads
 * every lane's number on its own, so few loads a product are what makes it fast:
 * on Mesa 22.3 at N = 768, 16 by 16 made 4.2 GFLOP/s and 8 by 8 2.2. But a model
 * has no such rows other than those as wide as its classes, which are few, and
 * 8 by 8 takes 0.35 s to compile on Mesa 25.0, 16 by 16 0.85 s. Results leave by
 * the first vector of the top row, and the others are shifted there: an epilogue
 * written out for each takes longer to compile than the product.
 *
 * Shapes and epilogue as in matmul_common.ts; any size. Bindings: a, b, bias,
 * residual, y, pre, size. Dispatch: eight tiles a workgroup, lanes_x by lanes_y
 * of columns and rows, the rest chunks of k. Accumulates in f32, one sum.
 *
 * @module
 */
import type { Shader } from "./kernel.ts";
import { EPILOGUE_WGSL, LANES_WGSL, matmulBindings } from "./matmul_common.ts";

const INTERFACE = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> pre: array<f32>;
@group(0) @binding(6) var<uniform> size: Size;

fn four(at: vec4u) -> vec4f {
  return vec4f(b[at.x], b[at.y], b[at.z], b[at.w]);
}

fn places(first: u32, last: u32, stride: u32, start: u32) -> vec4u {
  let index = vec4u(first) + vec4u(0u, 1u, 2u, 3u);
  return min(index, vec4u(last)) * stride + vec4u(start);
}
`;

const WGSL = /* wgsl */ `
struct Row { v0: vec4f, v1: vec4f }

fn step(c: Row, x: f32, b: Row) -> Row {
  return Row(c.v0 + x * b.v0, c.v1 + x * b.v1);
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = tile_of(group, lane);
  let column = tile.x * 8u;
  let row = tile.y * 8u;
  let first = min(tile.z * size.chunk, size.k);
  let end = min(first + size.chunk, size.k);
  let last_row = size.m - 1u;
  let last_column = size.n - 1u;
  let a_first = first * size.a_depth;
  let b_first = first * size.b_depth;
  var row0 = places(row + 0u, last_row, size.a_row, a_first);
  var row1 = places(row + 4u, last_row, size.a_row, a_first);
  var col0 = places(column + 0u, last_column, size.b_column, b_first);
  var col1 = places(column + 4u, last_column, size.b_column, b_first);
  var c0: Row; var c1: Row; var c2: Row; var c3: Row;
  var c4: Row; var c5: Row; var c6: Row; var c7: Row;
  for (var depth = first; depth < end; depth++) {
    let b_row = Row(four(col0), four(col1));
    col0 += size.b_depth; col1 += size.b_depth;
    c0 = step(c0, a[row0.x], b_row);
    c1 = step(c1, a[row0.y], b_row);
    c2 = step(c2, a[row0.z], b_row);
    c3 = step(c3, a[row0.w], b_row);
    c4 = step(c4, a[row1.x], b_row);
    c5 = step(c5, a[row1.y], b_row);
    c6 = step(c6, a[row1.z], b_row);
    c7 = step(c7, a[row1.w], b_row);
    row0 += size.a_depth; row1 += size.a_depth;
  }
  if (tile.z >= size.chunks) { return; }
  for (var i = 0u; i < 8u; i++) {
    // From no constant to none, or the epilogue is compiled twice.
    for (var at = column; at < column + 8u; at += 4u) {
      finish(tile.z * size.m * size.n, row + i, at, c0.v0);
      c0 = Row(c0.v1, c0.v1);
    }
    c0 = c1; c1 = c2; c2 = c3; c3 = c4;
    c4 = c5; c5 = c6; c6 = c7;
  }
}
`;

/** The tile of 8 by 8. */
export const matmulRegisterShader: Shader = {
  name: "matmul_register",
  wgsl: EPILOGUE_WGSL + LANES_WGSL + INTERFACE + WGSL,
  entry: "main",
  bindings: matmulBindings,
  uniform: true,
};
