/**
 * Matrix product by a tile that eight lanes of a subgroup share: for software
 * adapters, where the rows of both operands are whole vectors.
 *
 * Each lane makes four rows of 32 columns, four steps of k a turn, without a
 * barrier. It loads its own four rows of A and one of the eight blocks of four
 * columns of B, which the others then take from its registers: llvmpipe tests
 * and loads every number of every lane on its own, but hands one lane's number
 * to all in one instruction. So a number is loaded once a tile, where without
 * subgroups each lane loads both of its operands. Eight rows or 64 columns a
 * lane, or eight steps a turn, were slower.
 *
 * Shapes and epilogue as in matmul_common.ts, where `suitsVectors` holds; or
 * many products of heads, which are not split. Where k is no multiple of four, A
 * has zeros up to the next one. Bindings: a, b, bias, residual, y, pre, size.
 * Dispatch: a workgroup a tile of 32 by 32, in z the parts of k or the products
 * of heads. Neighbours in x are below each other, so that what they read of B
 * stays in the cache while A, whose rows a processor fetches ahead, streams by;
 * a transposed A stays while B streams by. Accumulates in f32, one sum.
 *
 * @module
 */
import type { Shader } from "./kernel.ts";
import { BLOCKS_WGSL } from "./matmul_blocks.ts";
import { matmulBindings } from "./matmul_common.ts";

const WGSL = /* wgsl */ `
@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let item = group.z / size.chunks;
  let chunk = group.z % size.chunks;
  let a_first = vec4u(start_of(item, size.a_start) / 4u);
  let b_first = vec4u(start_of(item, size.b_start) / 4u);
  let whole = (size.k + 3u) / 4u * 4u;
  let first = min(chunk * size.chunk, whole);
  let end = min(first + size.chunk, whole);
  let trans_a = size.a_depth != 1u;
  let tile = select(group.yx, group.xy, trans_a) * 32u;
  let column = tile.x;
  let row = tile.y + local * 4u;
  let trans_b = size.b_depth == 1u;
  let a_turn = vec4<bool>(trans_a);
  let b_turn = vec4<bool>(trans_b);
  let rows = a_first + places(row, size.m, size.a_row, trans_a);
  let columns = b_first +
    places(column + lane * 4u, size.n, size.b_column, !trans_b);
  // Four rows of four columns each, which begin at 0, 4, … 28.
  var c0: mat4x4f; var c1: mat4x4f; var c2: mat4x4f; var c3: mat4x4f;
  var c4: mat4x4f; var c5: mat4x4f; var c6: mat4x4f; var c7: mat4x4f;
  for (var depth = first; depth < end; depth += 4u) {
    let x = a_block(rows + steps(depth, end, size.a_depth, !trans_a), a_turn);
    let own =
      b_block(columns + steps(depth, size.k, size.b_depth, trans_b), b_turn);
    // Eight times, as WGSL wants a constant for the lane.
    c0 += mat4x4f(
      subgroupBroadcast(own[0], 0u), subgroupBroadcast(own[1], 0u),
      subgroupBroadcast(own[2], 0u), subgroupBroadcast(own[3], 0u)) * x;
    c1 += mat4x4f(
      subgroupBroadcast(own[0], 1u), subgroupBroadcast(own[1], 1u),
      subgroupBroadcast(own[2], 1u), subgroupBroadcast(own[3], 1u)) * x;
    c2 += mat4x4f(
      subgroupBroadcast(own[0], 2u), subgroupBroadcast(own[1], 2u),
      subgroupBroadcast(own[2], 2u), subgroupBroadcast(own[3], 2u)) * x;
    c3 += mat4x4f(
      subgroupBroadcast(own[0], 3u), subgroupBroadcast(own[1], 3u),
      subgroupBroadcast(own[2], 3u), subgroupBroadcast(own[3], 3u)) * x;
    c4 += mat4x4f(
      subgroupBroadcast(own[0], 4u), subgroupBroadcast(own[1], 4u),
      subgroupBroadcast(own[2], 4u), subgroupBroadcast(own[3], 4u)) * x;
    c5 += mat4x4f(
      subgroupBroadcast(own[0], 5u), subgroupBroadcast(own[1], 5u),
      subgroupBroadcast(own[2], 5u), subgroupBroadcast(own[3], 5u)) * x;
    c6 += mat4x4f(
      subgroupBroadcast(own[0], 6u), subgroupBroadcast(own[1], 6u),
      subgroupBroadcast(own[2], 6u), subgroupBroadcast(own[3], 6u)) * x;
    c7 += mat4x4f(
      subgroupBroadcast(own[0], 7u), subgroupBroadcast(own[1], 7u),
      subgroupBroadcast(own[2], 7u), subgroupBroadcast(own[3], 7u)) * x;
  }
  let start = start_of(item, size.y_start) + chunk * size.m * size.n;
  // From no constant to none, or the epilogue is compiled once a turn.
  for (var at = column; at < column + 32u; at += 4u) {
    for (var below = row; below < row + 4u; below++) {
      finish(start, below, at, c0[0]);
      c0 = mat4x4f(c0[1], c0[2], c0[3], c0[3]);
    }
    c0 = c1; c1 = c2; c2 = c3; c3 = c4; c4 = c5; c5 = c6; c6 = c7;
  }
}
`;

/** The tile of 32 by 32 that a subgroup shares. */
export const matmulSubgroupShader: Shader = {
  name: "matmul_subgroup",
  wgsl: BLOCKS_WGSL + WGSL,
  entry: "main",
  bindings: matmulBindings,
  uniform: true,
  subgroups: true,
};
