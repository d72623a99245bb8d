/**
 * Matrix product by a register tile: the family for software adapters.
 *
 * Each invocation makes a square of 32 by 32, or 16 by 16 for narrow results,
 * and needs no barrier. llvmpipe loads every lane's number on its own, so few
 * loads a product are what makes it fast; vectors and workgroup memory do not
 * help. On Mesa 22.3 at N = 768, in GFLOP/s: by the clock 8 by 4 made 1.4, 8 by
 * 8 2.2, 16 by 8 2.9, 16 by 16 4.2; for two seconds of processor time 16 by 16
 * made 3.9, 32 by 16 5.0, 32 by 32 6.5, 64 by 16 4.7. Results leave by the top
 * row, and the rows are shifted up: an epilogue written out for every row takes
 * twice as long to compile.
 *
 * Shapes and epilogue as in matmul_common.ts; any size. Bindings: a, b, bias,
 * residual, y, pre, size. Dispatch: LANES_X by LANES_Y by LANES_Z tiles of
 * columns, rows and chunks of k a workgroup. Accumulates in f32, one sum.
 *
 * @module
 */
import type { Shader } from "./kernel.ts";
import { EPILOGUE_WGSL, matmulBindings } from "./matmul_common.ts";

const INTERFACE = /* wgsl */ `
override LANES_X: u32;
override LANES_Y: u32;
override LANES_Z: u32;

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

const NARROW = /* wgsl */ `
struct Row {
  v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f,
}

fn step(c: Row, x: f32, b: Row) -> Row {
  return Row(
    c.v0 + x * b.v0, c.v1 + x * b.v1,
    c.v2 + x * b.v2, c.v3 + x * b.v3,
  );
}

@compute @workgroup_size(LANES_X, LANES_Y, LANES_Z)
fn main(@builtin(global_invocation_id) tile: vec3u) {
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
    finish(tile.z, row + i, column + 0u, c0.v0);
    finish(tile.z, row + i, column + 4u, c0.v1);
    finish(tile.z, row + i, column + 8u, c0.v2);
    finish(tile.z, row + i, column + 12u, c0.v3);
    c0 = c1; c1 = c2; c2 = c3; c3 = c4;
    c4 = c5; c5 = c6; c6 = c7; c7 = c8;
    c8 = c9; c9 = c10; c10 = c11; c11 = c12;
    c12 = c13; c13 = c14; c14 = c15;
  }
}
`;

const WIDE = /* wgsl */ `
struct Row {
  v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f,
  v4: vec4f, v5: vec4f, v6: vec4f, v7: vec4f,
}

fn step(c: Row, x: f32, b: Row) -> Row {
  return Row(
    c.v0 + x * b.v0, c.v1 + x * b.v1,
    c.v2 + x * b.v2, c.v3 + x * b.v3,
    c.v4 + x * b.v4, c.v5 + x * b.v5,
    c.v6 + x * b.v6, c.v7 + x * b.v7,
  );
}

@compute @workgroup_size(LANES_X, LANES_Y, LANES_Z)
fn main(@builtin(global_invocation_id) tile: vec3u) {
  let column = tile.x * 32u;
  let row = tile.y * 32u;
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
  var row4 = places(row + 16u, last_row, size.a_row, a_first);
  var row5 = places(row + 20u, last_row, size.a_row, a_first);
  var row6 = places(row + 24u, last_row, size.a_row, a_first);
  var row7 = places(row + 28u, last_row, size.a_row, a_first);
  var col0 = places(column + 0u, last_column, size.b_column, b_first);
  var col1 = places(column + 4u, last_column, size.b_column, b_first);
  var col2 = places(column + 8u, last_column, size.b_column, b_first);
  var col3 = places(column + 12u, last_column, size.b_column, b_first);
  var col4 = places(column + 16u, last_column, size.b_column, b_first);
  var col5 = places(column + 20u, last_column, size.b_column, b_first);
  var col6 = places(column + 24u, last_column, size.b_column, b_first);
  var col7 = places(column + 28u, last_column, size.b_column, b_first);
  var c0: Row; var c1: Row; var c2: Row; var c3: Row;
  var c4: Row; var c5: Row; var c6: Row; var c7: Row;
  var c8: Row; var c9: Row; var c10: Row; var c11: Row;
  var c12: Row; var c13: Row; var c14: Row; var c15: Row;
  var c16: Row; var c17: Row; var c18: Row; var c19: Row;
  var c20: Row; var c21: Row; var c22: Row; var c23: Row;
  var c24: Row; var c25: Row; var c26: Row; var c27: Row;
  var c28: Row; var c29: Row; var c30: Row; var c31: Row;
  for (var depth = first; depth < end; depth++) {
    let b_row = Row(
      four(col0), four(col1), four(col2), four(col3),
      four(col4), four(col5), four(col6), four(col7),
    );
    col0 += size.b_depth; col1 += size.b_depth;
    col2 += size.b_depth; col3 += size.b_depth;
    col4 += size.b_depth; col5 += size.b_depth;
    col6 += size.b_depth; col7 += size.b_depth;
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
    c16 = step(c16, a[row4.x], b_row);
    c17 = step(c17, a[row4.y], b_row);
    c18 = step(c18, a[row4.z], b_row);
    c19 = step(c19, a[row4.w], b_row);
    c20 = step(c20, a[row5.x], b_row);
    c21 = step(c21, a[row5.y], b_row);
    c22 = step(c22, a[row5.z], b_row);
    c23 = step(c23, a[row5.w], b_row);
    c24 = step(c24, a[row6.x], b_row);
    c25 = step(c25, a[row6.y], b_row);
    c26 = step(c26, a[row6.z], b_row);
    c27 = step(c27, a[row6.w], b_row);
    c28 = step(c28, a[row7.x], b_row);
    c29 = step(c29, a[row7.y], b_row);
    c30 = step(c30, a[row7.z], b_row);
    c31 = step(c31, a[row7.w], b_row);
    row0 += size.a_depth; row1 += size.a_depth;
    row2 += size.a_depth; row3 += size.a_depth;
    row4 += size.a_depth; row5 += size.a_depth;
    row6 += size.a_depth; row7 += size.a_depth;
  }
  if (tile.z >= size.chunks) { return; }
  for (var i = 0u; i < 32u; i++) {
    finish(tile.z, row + i, column + 0u, c0.v0);
    finish(tile.z, row + i, column + 4u, c0.v1);
    finish(tile.z, row + i, column + 8u, c0.v2);
    finish(tile.z, row + i, column + 12u, c0.v3);
    finish(tile.z, row + i, column + 16u, c0.v4);
    finish(tile.z, row + i, column + 20u, c0.v5);
    finish(tile.z, row + i, column + 24u, c0.v6);
    finish(tile.z, row + i, column + 28u, c0.v7);
    c0 = c1; c1 = c2; c2 = c3; c3 = c4;
    c4 = c5; c5 = c6; c6 = c7; c7 = c8;
    c8 = c9; c9 = c10; c10 = c11; c11 = c12;
    c12 = c13; c13 = c14; c14 = c15; c15 = c16;
    c16 = c17; c17 = c18; c18 = c19; c19 = c20;
    c20 = c21; c21 = c22; c22 = c23; c23 = c24;
    c24 = c25; c25 = c26; c26 = c27; c27 = c28;
    c28 = c29; c29 = c30; c30 = c31;
  }
}
`;

/** The tile of 16 by 16. */
export const matmulNarrowShader: Shader = {
  name: "matmul_register_narrow",
  wgsl: EPILOGUE_WGSL + INTERFACE + NARROW,
  entry: "main",
  bindings: matmulBindings,
  uniform: true,
};

/** The tile of 32 by 32. */
export const matmulWideShader: Shader = {
  name: "matmul_register_wide",
  wgsl: EPILOGUE_WGSL + INTERFACE + WIDE,
  entry: "main",
  bindings: matmulBindings,
  uniform: true,
};
