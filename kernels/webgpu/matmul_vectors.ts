/**
 * Matrix product by a register tile and vectors: for software adapters, where
 * the rows of both operands are whole vectors.
 *
 * Each invocation makes 16 by 16 numbers, four steps of k a turn, without a
 * barrier. llvmpipe loads every lane's number on its own, but tests a lane once
 * for the four of a vector, and on Mesa 25 such tests are most of a load. A block of four by four is loaded along memory and turned in
 * registers, which costs nothing. With narrow results, too, it is at least as
 * fast as the tile without vectors, and one pipeline less.
 *
 * Shapes and epilogue as in matmul_common.ts, where `suitsVectors` holds; or
 * many products of heads, which are not split. Where k is no multiple of four, A
 * has zeros up to the next one: to leave numbers out costs a tenth of the speed.
 * Bindings: a, b, bias, residual, y, pre, size. Dispatch: as in
 * matmul_register.ts. Accumulates in f32, one sum.
 *
 * @module
 */
import type { Shader } from "./kernel.ts";
import { BLOCKS_WGSL } from "./matmul_blocks.ts";
import { LANES_WGSL, matmulBindings } from "./matmul_common.ts";

const WGSL = /* wgsl */ `
struct Row { v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f }
struct Blocks { m0: mat4x4f, m1: mat4x4f, m2: mat4x4f, m3: mat4x4f }

fn step(c: Row, x: vec4f, b: Blocks) -> Row {
  return Row(
    c.v0 + b.m0 * x, c.v1 + b.m1 * x,
    c.v2 + b.m2 * x, c.v3 + b.m3 * x,
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
  let item = tile.z / size.chunks;
  let chunk = tile.z % size.chunks;
  let a_first = vec4u(start_of(item, size.a_start) / 4u);
  let b_first = vec4u(start_of(item, size.b_start) / 4u);
  let whole = (size.k + 3u) / 4u * 4u;
  let first =
    min(select(whole, chunk * size.chunk, item < size.items), whole);
  let end = min(first + size.chunk, whole);
  let trans_a = size.a_depth != 1u;
  let trans_b = size.b_depth == 1u;
  let a_turn = vec4<bool>(trans_a);
  let b_turn = vec4<bool>(trans_b);
  let row0 = places(row + 0u, size.m, size.a_row, trans_a);
  let row1 = places(row + 4u, size.m, size.a_row, trans_a);
  let row2 = places(row + 8u, size.m, size.a_row, trans_a);
  let row3 = places(row + 12u, size.m, size.a_row, trans_a);
  let col0 = places(column + 0u, size.n, size.b_column, !trans_b);
  let col1 = places(column + 4u, size.n, size.b_column, !trans_b);
  let col2 = places(column + 8u, size.n, size.b_column, !trans_b);
  let col3 = places(column + 12u, size.n, size.b_column, !trans_b);
  var c0: Row; var c1: Row; var c2: Row; var c3: Row;
  var c4: Row; var c5: Row; var c6: Row; var c7: Row;
  var c8: Row; var c9: Row; var c10: Row; var c11: Row;
  var c12: Row; var c13: Row; var c14: Row; var c15: Row;
  for (var depth = first; depth < end; depth += 4u) {
    let a_at = a_first + steps(depth, end, size.a_depth, !trans_a);
    let b_at = b_first + steps(depth, size.k, size.b_depth, trans_b);
    let blocks = Blocks(
      b_block(col0 + b_at, b_turn), b_block(col1 + b_at, b_turn),
      b_block(col2 + b_at, b_turn), b_block(col3 + b_at, b_turn),
    );
    let a0 = a_block(row0 + a_at, a_turn);
    c0 = step(c0, a0[0], blocks); c1 = step(c1, a0[1], blocks);
    c2 = step(c2, a0[2], blocks); c3 = step(c3, a0[3], blocks);
    let a1 = a_block(row1 + a_at, a_turn);
    c4 = step(c4, a1[0], blocks); c5 = step(c5, a1[1], blocks);
    c6 = step(c6, a1[2], blocks); c7 = step(c7, a1[3], blocks);
    let a2 = a_block(row2 + a_at, a_turn);
    c8 = step(c8, a2[0], blocks); c9 = step(c9, a2[1], blocks);
    c10 = step(c10, a2[2], blocks); c11 = step(c11, a2[3], blocks);
    let a3 = a_block(row3 + a_at, a_turn);
    c12 = step(c12, a3[0], blocks); c13 = step(c13, a3[1], blocks);
    c14 = step(c14, a3[2], blocks); c15 = step(c15, a3[3], blocks);
  }
  if (item >= size.items) { return; }
  let start = start_of(item, size.y_start) + chunk * size.m * size.n;
  for (var i = 0u; i < 16u; i++) {
    // From no constant to none, or the epilogue is compiled four times.
    for (var at = column; at < column + 16u; at += 4u) {
      finish(start, row + i, at, c0.v0);
      c0 = Row(c0.v1, c0.v2, c0.v3, c0.v3);
    }
    c0 = c1; c1 = c2; c2 = c3; c3 = c4;
    c4 = c5; c5 = c6; c6 = c7; c7 = c8;
    c8 = c9; c9 = c10; c10 = c11; c11 = c12;
    c12 = c13; c13 = c14; c14 = c15;
  }
}
`;

/** The tile of 16 by 16 by vectors. */
export const matmulVectorsShader: Shader = {
  name: "matmul_vectors",
  wgsl: BLOCKS_WGSL + LANES_WGSL + WGSL,
  entry: "main",
  bindings: matmulBindings,
  uniform: true,
};
