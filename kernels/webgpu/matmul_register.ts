/**
 * Matrix product by a register tile: for software adapters, where the rows of
 * an operand are no whole vectors.
 *
 * Each invocation makes a square of 16 by 16 and needs no barrier. llvmpipe
 * loads every lane's number on its own, so few loads a product are what makes it
 * fast. On Mesa 22.3 at N = 768, in GFLOP/s: 8 by 4 made 1.4, 8 by 8 2.2, 16 by
 * 8 2.9, 16 by 16 4.2. Results leave by the first vector of the top row, and the
 * others are shifted there: an epilogue written out for each takes longer to
 * compile than the product.
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
struct Row {
  v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f,
}

fn step(c: Row, x: f32, b: Row) -> Row {
  return Row(
    c.v0 + x * b.v0, c.v1 + x * b.v1,
    c.v2 + x * b.v2, c.v3 + x * b.v3,
  );
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = tile_of(group, lane);
  let column = tile.x * 16u;
  let row = tile.y * 16u;
  let first = min(tile.z * size.chunk, size.k);
  let end = min(first + size.chunk, size.k);
  let last_row = size.m - 1u;
  let last_column = size.n - 1u;
  let a_first = first * size.a_depth;
  let b_first = first * size.b_depth;
  var row0 = places(row + 0u, last_row, size.a_row, a_first);
  var row1 = places(row + 4u, last_row, size.a_row, a_first);
  var row2 = places(row + 8u, last_row, size.a_row, a_first);
  var row3 = places(row + 12u, last_row, size.a_row, a_first);
  var col0 = places(column + 0u, last_column, size.b_column, b_first);
  var col1 = places(column + 4u, last_column, size.b_column, b_first);
  var col2 = places(column + 8u, last_column, size.b_column, b_first);
  var col3 = places(column + 12u, last_column, size.b_column, b_first);
  var c0: Row; var c1: Row; var c2: Row; var c3: Row;
  var c4: Row; var c5: Row; var c6: Row; var c7: Row;
  var c8: Row; var c9: Row; var c10: Row; var c11: Row;
  var c12: Row; var c13: Row; var c14: Row; var c15: Row;
  for (var depth = first; depth < end; depth++) {
    let b_row = Row(
      four(col0), four(col1), four(col2), four(col3),
    );
    col0 += size.b_depth; col1 += size.b_depth;
    col2 += size.b_depth; col3 += size.b_depth;
    c0 = step(c0, a[row0.x], b_row);
    c1 = step(c1, a[row0.y], b_row);
    c2 = step(c2, a[row0.z], b_row);
    c3 = step(c3, a[row0.w], b_row);
    c4 = step(c4, a[row1.x], b_row);
    c5 = step(c5, a[row1.y], b_row);
    c6 = step(c6, a[row1.z], b_row);
    c7 = step(c7, a[row1.w], b_row);
    c8 = step(c8, a[row2.x], b_row);
    c9 = step(c9, a[row2.y], b_row);
    c10 = step(c10, a[row2.z], b_row);
    c11 = step(c11, a[row2.w], b_row);
    c12 = step(c12, a[row3.x], b_row);
    c13 = step(c13, a[row3.y], b_row);
    c14 = step(c14, a[row3.z], b_row);
    c15 = step(c15, a[row3.w], b_row);
    row0 += size.a_depth; row1 += size.a_depth;
    row2 += size.a_depth; row3 += size.a_depth;
  }
  if (tile.z >= size.chunks) { return; }
  for (var i = 0u; i < 16u; i++) {
    for (var j = 0u; j < 16u; j += 4u) {
      finish(tile.z, row + i, column + j, c0.v0);
      c0 = Row(c0.v1, c0.v2, c0.v3, c0.v3);
    }
    c0 = c1; c1 = c2; c2 = c3; c3 = c4;
    c4 = c5; c5 = c6; c6 = c7; c7 = c8;
    c8 = c9; c9 = c10; c10 = c11; c11 = c12;
    c12 = c13; c13 = c14; c14 = c15;
  }
}
`;

/** The tile of 16 by 16. */
export const matmulRegisterShader: Shader = {
  name: "matmul_register",
  wgsl: EPILOGUE_WGSL + LANES_WGSL + INTERFACE + WGSL,
  entry: "main",
  bindings: matmulBindings,
  uniform: true,
};
