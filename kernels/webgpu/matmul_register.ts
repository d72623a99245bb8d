/**
 * Matrix product by a register tile: the family for software adapters.
 *
 * Each invocation makes 16 rows by 16 columns and needs no barrier. llvmpipe
 * loads every lane's number on its own, so 32 loads for 256 products is what
 * makes it fast, and neither vectors nor workgroup memory help: of Mesa
 * 22.3's GFLOP/s on two cores at N = 768, 8 by 4 makes 1.4, 8 by 8 2.2, 16 by
 * 8 2.9, 16 by 16 4.2. Results leave by the top row of the tile, which is
 * shifted up: written out 256 times, the epilogue doubles the compile time.
 *
 * Shapes and epilogue as in matmul_common.ts; any size. Bindings: a, b, bias,
 * residual, y, pre, size. Dispatch: LANES_X by LANES_Y by LANES_Z tiles of
 * columns, rows and chunks of k a workgroup. Accumulates in f32, one sum.
 *
 * @module
 */
import type { Grid, Shader } from "./kernel.ts";
import { EPILOGUE_WGSL, matmulBindings } from "./matmul_common.ts";

const WGSL = /* wgsl */ `
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

fn places(first: u32, last: u32, stride: u32, start: u32) -> vec4u {
  let index = vec4u(first) + vec4u(0u, 1u, 2u, 3u);
  return min(index, vec4u(last)) * stride + vec4u(start);
}

@compute @workgroup_size(LANES_X, LANES_Y, LANES_Z)
fn main(@builtin(global_invocation_id) tile: vec3u) {
  let column = tile.x * 16u;
  let row = tile.y * 16u;
  let first = min(tile.z * size.chunk, size.k);
  let end = min(first + size.chunk, size.k);
  let a_first = first * size.a_depth;
  let b_first = first * size.b_depth;
  var row0 = places(row, size.m - 1u, size.a_row, a_first);
  var row1 = places(row + 4u, size.m - 1u, size.a_row, a_first);
  var row2 = places(row + 8u, size.m - 1u, size.a_row, a_first);
  var row3 = places(row + 12u, size.m - 1u, size.a_row, a_first);
  var col0 = places(column, size.n - 1u, size.b_column, b_first);
  var col1 = places(column + 4u, size.n - 1u, size.b_column, b_first);
  var col2 = places(column + 8u, size.n - 1u, size.b_column, b_first);
  var col3 = places(column + 12u, size.n - 1u, size.b_column, b_first);
  var c0_0 = vec4f(0.0); var c0_1 = vec4f(0.0); var c0_2 = vec4f(0.0); var c0_3 = vec4f(0.0);
  var c1_0 = vec4f(0.0); var c1_1 = vec4f(0.0); var c1_2 = vec4f(0.0); var c1_3 = vec4f(0.0);
  var c2_0 = vec4f(0.0); var c2_1 = vec4f(0.0); var c2_2 = vec4f(0.0); var c2_3 = vec4f(0.0);
  var c3_0 = vec4f(0.0); var c3_1 = vec4f(0.0); var c3_2 = vec4f(0.0); var c3_3 = vec4f(0.0);
  var c4_0 = vec4f(0.0); var c4_1 = vec4f(0.0); var c4_2 = vec4f(0.0); var c4_3 = vec4f(0.0);
  var c5_0 = vec4f(0.0); var c5_1 = vec4f(0.0); var c5_2 = vec4f(0.0); var c5_3 = vec4f(0.0);
  var c6_0 = vec4f(0.0); var c6_1 = vec4f(0.0); var c6_2 = vec4f(0.0); var c6_3 = vec4f(0.0);
  var c7_0 = vec4f(0.0); var c7_1 = vec4f(0.0); var c7_2 = vec4f(0.0); var c7_3 = vec4f(0.0);
  var c8_0 = vec4f(0.0); var c8_1 = vec4f(0.0); var c8_2 = vec4f(0.0); var c8_3 = vec4f(0.0);
  var c9_0 = vec4f(0.0); var c9_1 = vec4f(0.0); var c9_2 = vec4f(0.0); var c9_3 = vec4f(0.0);
  var c10_0 = vec4f(0.0); var c10_1 = vec4f(0.0); var c10_2 = vec4f(0.0); var c10_3 = vec4f(0.0);
  var c11_0 = vec4f(0.0); var c11_1 = vec4f(0.0); var c11_2 = vec4f(0.0); var c11_3 = vec4f(0.0);
  var c12_0 = vec4f(0.0); var c12_1 = vec4f(0.0); var c12_2 = vec4f(0.0); var c12_3 = vec4f(0.0);
  var c13_0 = vec4f(0.0); var c13_1 = vec4f(0.0); var c13_2 = vec4f(0.0); var c13_3 = vec4f(0.0);
  var c14_0 = vec4f(0.0); var c14_1 = vec4f(0.0); var c14_2 = vec4f(0.0); var c14_3 = vec4f(0.0);
  var c15_0 = vec4f(0.0); var c15_1 = vec4f(0.0); var c15_2 = vec4f(0.0); var c15_3 = vec4f(0.0);
  for (var depth = first; depth < end; depth++) {
    let b0 = vec4f(
      b[col0.x], b[col0.y], b[col0.z], b[col0.w]);
    col0 += size.b_depth;
    let b1 = vec4f(
      b[col1.x], b[col1.y], b[col1.z], b[col1.w]);
    col1 += size.b_depth;
    let b2 = vec4f(
      b[col2.x], b[col2.y], b[col2.z], b[col2.w]);
    col2 += size.b_depth;
    let b3 = vec4f(
      b[col3.x], b[col3.y], b[col3.z], b[col3.w]);
    col3 += size.b_depth;
    let a0 = a[row0.x];
    c0_0 += a0 * b0; c0_1 += a0 * b1;
    c0_2 += a0 * b2; c0_3 += a0 * b3;
    let a1 = a[row0.y];
    c1_0 += a1 * b0; c1_1 += a1 * b1;
    c1_2 += a1 * b2; c1_3 += a1 * b3;
    let a2 = a[row0.z];
    c2_0 += a2 * b0; c2_1 += a2 * b1;
    c2_2 += a2 * b2; c2_3 += a2 * b3;
    let a3 = a[row0.w];
    c3_0 += a3 * b0; c3_1 += a3 * b1;
    c3_2 += a3 * b2; c3_3 += a3 * b3;
    row0 += size.a_depth;
    let a4 = a[row1.x];
    c4_0 += a4 * b0; c4_1 += a4 * b1;
    c4_2 += a4 * b2; c4_3 += a4 * b3;
    let a5 = a[row1.y];
    c5_0 += a5 * b0; c5_1 += a5 * b1;
    c5_2 += a5 * b2; c5_3 += a5 * b3;
    let a6 = a[row1.z];
    c6_0 += a6 * b0; c6_1 += a6 * b1;
    c6_2 += a6 * b2; c6_3 += a6 * b3;
    let a7 = a[row1.w];
    c7_0 += a7 * b0; c7_1 += a7 * b1;
    c7_2 += a7 * b2; c7_3 += a7 * b3;
    row1 += size.a_depth;
    let a8 = a[row2.x];
    c8_0 += a8 * b0; c8_1 += a8 * b1;
    c8_2 += a8 * b2; c8_3 += a8 * b3;
    let a9 = a[row2.y];
    c9_0 += a9 * b0; c9_1 += a9 * b1;
    c9_2 += a9 * b2; c9_3 += a9 * b3;
    let a10 = a[row2.z];
    c10_0 += a10 * b0; c10_1 += a10 * b1;
    c10_2 += a10 * b2; c10_3 += a10 * b3;
    let a11 = a[row2.w];
    c11_0 += a11 * b0; c11_1 += a11 * b1;
    c11_2 += a11 * b2; c11_3 += a11 * b3;
    row2 += size.a_depth;
    let a12 = a[row3.x];
    c12_0 += a12 * b0; c12_1 += a12 * b1;
    c12_2 += a12 * b2; c12_3 += a12 * b3;
    let a13 = a[row3.y];
    c13_0 += a13 * b0; c13_1 += a13 * b1;
    c13_2 += a13 * b2; c13_3 += a13 * b3;
    let a14 = a[row3.z];
    c14_0 += a14 * b0; c14_1 += a14 * b1;
    c14_2 += a14 * b2; c14_3 += a14 * b3;
    let a15 = a[row3.w];
    c15_0 += a15 * b0; c15_1 += a15 * b1;
    c15_2 += a15 * b2; c15_3 += a15 * b3;
    row3 += size.a_depth;
  }
  if (tile.z >= size.chunks) { return; }
  for (var i = 0u; i < 16u; i++) {
    finish(tile.z, row + i, column, c0_0);
    finish(tile.z, row + i, column + 4u, c0_1);
    finish(tile.z, row + i, column + 8u, c0_2);
    finish(tile.z, row + i, column + 12u, c0_3);
    c0_0 = c1_0; c0_1 = c1_1; c0_2 = c1_2; c0_3 = c1_3;
    c1_0 = c2_0; c1_1 = c2_1; c1_2 = c2_2; c1_3 = c2_3;
    c2_0 = c3_0; c2_1 = c3_1; c2_2 = c3_2; c2_3 = c3_3;
    c3_0 = c4_0; c3_1 = c4_1; c3_2 = c4_2; c3_3 = c4_3;
    c4_0 = c5_0; c4_1 = c5_1; c4_2 = c5_2; c4_3 = c5_3;
    c5_0 = c6_0; c5_1 = c6_1; c5_2 = c6_2; c5_3 = c6_3;
    c6_0 = c7_0; c6_1 = c7_1; c6_2 = c7_2; c6_3 = c7_3;
    c7_0 = c8_0; c7_1 = c8_1; c7_2 = c8_2; c7_3 = c8_3;
    c8_0 = c9_0; c8_1 = c9_1; c8_2 = c9_2; c8_3 = c9_3;
    c9_0 = c10_0; c9_1 = c10_1; c9_2 = c10_2; c9_3 = c10_3;
    c10_0 = c11_0; c10_1 = c11_1; c10_2 = c11_2; c10_3 = c11_3;
    c11_0 = c12_0; c11_1 = c12_1; c11_2 = c12_2; c11_3 = c12_3;
    c12_0 = c13_0; c12_1 = c13_1; c12_2 = c13_2; c12_3 = c13_3;
    c13_0 = c14_0; c13_1 = c14_1; c13_2 = c14_2; c13_3 = c14_3;
    c14_0 = c15_0; c14_1 = c15_1; c14_2 = c15_2; c14_3 = c15_3;
  }
}
`;

/** The register tile. */
export const matmulRegisterShader: Shader = {
  name: "matmul_register",
  wgsl: EPILOGUE_WGSL + WGSL,
  entry: "main",
  bindings: matmulBindings,
  uniform: true,
};

/** Rows and columns of a tile. */
export const REGISTER_TILE = 16;

/**
 * The workgroup of eight invocations, one vector of llvmpipe, that leaves the
 * fewest of them idle, and the grid that goes with it.
 */
export function registerGrid(
  { m, n, chunks }: { m: number; n: number; chunks: number },
): { constants: Record<string, number>; grid: Grid } {
  const columns = Math.ceil(n / REGISTER_TILE);
  const rows = Math.ceil(m / REGISTER_TILE);
  const gridOf = ([x, y, z]: readonly number[]): Grid => [
    Math.ceil(columns / x),
    Math.ceil(rows / y),
    Math.ceil(chunks / z),
  ];
  const groups = (shape: readonly number[]) =>
    gridOf(shape).reduce((product, size) => product * size, 1);
  const [x, y, z] = WORKGROUPS.reduce((best, shape) =>
    groups(shape) < groups(best) ? shape : best
  );
  return {
    constants: { LANES_X: x, LANES_Y: y, LANES_Z: z },
    grid: gridOf([x, y, z]),
  };
}

// Neighbours in a row of B share its cache lines, so x comes first.
const WORKGROUPS: readonly (readonly number[])[] = [
  [8, 1, 1],
  [4, 2, 1],
  [2, 4, 1],
  [1, 8, 1],
  [1, 1, 8],
];
