/**
 * Widens or narrows the rows of a matrix with zeros, so that kernels that
 * read four numbers at a time can work on any width.
 *
 * result[g, c] = c < FROM_WIDTH ? source[g, c] : 0 for c < TO_WIDTH.
 *
 * Bindings: source, result. Dispatch: 256 elements of the result a workgroup.
 *
 * @module
 */
import type { Place } from "../engine.ts";
import { type Dispatch, flatGrid, type Shader } from "./kernel.ts";

/** Numbers of 32 bits, moved as they are. */
const BITS = /* wgsl */ `
alias Number = u32;
@group(0) @binding(0) var<storage, read_write> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> result: array<u32>;
`;

/** Numbers of which one tensor or both may be stored as f16. */
const FLOATS = /* wgsl */ `
alias Number = f32;
@group(0) @binding(0) var<storage, read_write> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
`;

const WGSL = /* wgsl */ `
override COUNT: u32;
override FROM_WIDTH: u32;
override TO_WIDTH: u32;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (group.y * groups.x + group.x) * 256u + lane;
  for (var step = 0u; step < 4u; step++) {
    let i = first + 64u * step;
    if (i >= COUNT) { return; }
    let c = i % TO_WIDTH;
    var v = Number();
    if (c < FROM_WIDTH) { v = source[(i / TO_WIDTH) * FROM_WIDTH + c]; }
    result[i] = v;
  }
}
`;

const padGroupsShader: Shader = {
  name: "pad_groups",
  wgsl: BITS + WGSL,
  entry: "main",
  bindings: ["source", "result"],
};

const padHalfGroupsShader: Shader = {
  ...padGroupsShader,
  name: "pad_half_groups",
  wgsl: FLOATS + WGSL,
};

/** The shaders of {@linkcode padGroups}. */
export const padShaders: readonly Shader[] = [
  padGroupsShader,
  padHalfGroupsShader,
];

/** Copies `groups` rows of `fromWidth` numbers into rows of `toWidth`. */
export function padGroups(
  places: { from: Place; to: Place },
  sizes: { groups: number; fromWidth: number; toWidth: number },
): Dispatch {
  const count = sizes.groups * sizes.toWidth;
  const operands = [places.from, places.to];
  const half = operands.some(({ dtype }) => dtype === "f16");
  return {
    shader: half ? padHalfGroupsShader : padGroupsShader,
    places: operands,
    constants: {
      COUNT: count,
      FROM_WIDTH: sizes.fromWidth,
      TO_WIDTH: sizes.toWidth,
    },
    grid: flatGrid(Math.ceil(count / 256)),
  };
}
