/**
 * The keys of some images and heads by themselves, out of q|k|v.
 *
 * Two operands of a product may not be bound to one tensor, because all are
 * bound as writable; queries and keys are both in q|k|v.
 *
 * Shapes: q|k|v (B, T, 3·H·c), keys (images, T, heads·c), in vectors of four.
 * Bindings: qkv, keys, size. Dispatch: 64 vectors of keys a workgroup.
 *
 * @module
 */
import type { Place } from "../engine.ts";
import { type Dispatch, flatGrid, type Shader } from "./kernel.ts";

const WGSL = /* wgsl */ `
// Vectors in all, in a row of keys and in a row of q|k|v, and the first.
struct Size { count: u32, row: u32, stride: u32, first: u32 }

@group(0) @binding(0) var<storage, read_write> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> keys: array<vec4f>;
@group(0) @binding(2) var<uniform> size: Size;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= size.count) { return; }
  let row = i / size.row;
  keys[i] = qkv[size.first + row * size.stride + i % size.row];
}
`;

/** Copies keys. */
export const keysShader: Shader = {
  name: "attention_keys",
  wgsl: WGSL,
  entry: "main",
  bindings: ["qkv", "keys"],
  uniform: true,
};

/** Copies `rows` rows of `row` numbers, `stride` apart, the first at `first`. */
export function copyKeys(
  places: readonly [qkv: Place, keys: Place],
  sizes: { rows: number; row: number; stride: number; first: number },
): Dispatch {
  const [row, stride, first] = [sizes.row, sizes.stride, sizes.first]
    .map((numbers) => numbers / 4);
  const count = sizes.rows * row;
  return {
    shader: keysShader,
    places,
    constants: {},
    uniform: [count, row, stride, first],
    grid: flatGrid(Math.ceil(count / 64)),
  };
}
