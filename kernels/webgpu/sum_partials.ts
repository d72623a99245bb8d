/**
 * y[i] = Σ_c partial[c, i] (+ addend[i]): the last pass of long reductions.
 *
 * Shapes: partial (chunks, n), addend, y (n). The chunks are summed in four
 * interleaved f32 sums. Bindings: partial, addend, y. Dispatch: 64 sums a
 * workgroup.
 *
 * @module
 */
import type { Place } from "../engine.ts";
import { type Dispatch, flag, flatGrid, type Shader } from "./kernel.ts";

const WGSL = /* wgsl */ `
// No constants: the chunks would be unrolled, which takes long to compile.
struct Size { n: u32, chunks: u32, has_addend: u32 }

@group(0) @binding(0) var<storage, read_write> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> addend: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> size: Size;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= size.n) { return; }
  var sums = vec4f(0.0);
  var c = 0u;
  for (; c + 4u <= size.chunks; c += 4u) {
    let at = c * size.n + i;
    sums += vec4f(
      partial[at],
      partial[at + size.n],
      partial[at + 2u * size.n],
      partial[at + 3u * size.n],
    );
  }
  for (; c < size.chunks; c++) { sums.x += partial[c * size.n + i]; }
  var sum = (sums.x + sums.y) + (sums.z + sums.w);
  if (size.has_addend != 0u) { sum += addend[i]; }
  y[i] = sum;
}
`;

/** The shader of {@linkcode sumPartials}. */
export const sumPartialsShader: Shader = {
  name: "sum_partials",
  wgsl: WGSL,
  entry: "main",
  bindings: ["partial", "addend", "y"],
  uniform: true,
};

/** Sums `chunks` partial results of `n` numbers each. */
export function sumPartials(
  places: { partial: Place; addend?: Place; y: Place },
  sizes: { n: number; chunks: number },
): Dispatch {
  return {
    shader: sumPartialsShader,
    places: [places.partial, places.addend, places.y],
    constants: {},
    uniform: [sizes.n, sizes.chunks, flag(places.addend)],
    grid: flatGrid(Math.ceil(sizes.n / 64)),
  };
}

/**
 * Splits a reduction over `rows` so that both passes sum about as many terms,
 * which keeps the rounding error near √rows instead of rows; or into chunks of
 * `most` rows, if these are less.
 */
export function splitRows(
  rows: number,
  most = Infinity,
): { size: number; chunks: number } {
  const size = Math.min(most, Math.max(16, Math.ceil(Math.sqrt(rows))));
  return { size, chunks: Math.ceil(rows / size) };
}
