/**
 * What the families of matrix products share: sizes, and the last pass of a
 * product whose long k was split.
 *
 * @module
 */
import type { KernelCall, Place } from "../engine.ts";
import { type Dispatch, flatGrid, type Shader } from "./kernel.ts";
import { NORMAL_WGSL } from "./gelu.ts";
import type { Lanes } from "./matmul_variant.ts";

/** WGSL of the sizes. */
export const SIZE_WGSL: string = /* wgsl */ `
// Operand A has (row, depth) at row·a_row + depth·a_depth, B has
// (depth, column) at depth·b_depth + column·b_column.
struct Size {
  m: u32, n: u32, k: u32, chunk: u32,
  a_row: u32, a_depth: u32, b_depth: u32, b_column: u32,
  alpha: f32,
  // Bits: 1 bias, 2 gelu, 4 pre, 8 residual.
  parts: u32,
  chunks: u32,
  // Numbers from a row of y, pre and residual to the next.
  y_row: u32,
  // Of a workgroup's eight register tiles, those beside and below each other.
  lanes_x: u32, lanes_y: u32,
  // Products of one shape by heads of images, none of them split.
  items: u32, heads: u32,
  // Where the first of them has its operand, and from there to the next image's
  // and the next head's.
  a_start: vec4u, b_start: vec4u, y_start: vec4u,
}

fn start_of(item: u32, start: vec4u) -> u32 {
  return start.x + item / size.heads * start.y + item % size.heads * start.z;
}

`;

/** WGSL of the sizes and of the epilogue, which tiles without vectors end with. */
export const EPILOGUE_WGSL: string = NORMAL_WGSL + SIZE_WGSL + /* wgsl */ `
fn put_y(at: u32, count: u32, v: vec4f) {
  y[at] = v.x;
  if (count > 1u) { y[at + 1u] = v.y; }
  if (count > 2u) { y[at + 2u] = v.z; }
  if (count > 3u) { y[at + 3u] = v.w; }
}

// Finishes up to four neighbours in a row of what begins at a place in y.
fn finish(start: u32, row: u32, column: u32, sum: vec4f) {
  if (row >= size.m || column >= size.n) { return; }
  let count = size.n - column;
  let last = vec4u(size.n - 1u);
  let columns = min(vec4u(column) + vec4u(0u, 1u, 2u, 3u), last);
  let at = row * size.y_row + column;
  var v = size.alpha * sum;
  if ((size.parts & 1u) != 0u) {
    v += vec4f(
      bias[columns.x], bias[columns.y], bias[columns.z], bias[columns.w]);
  }
  if ((size.parts & 2u) != 0u) {
    if ((size.parts & 4u) != 0u) {
      pre[at] = v.x;
      if (count > 1u) { pre[at + 1u] = v.y; }
      if (count > 2u) { pre[at + 2u] = v.z; }
      if (count > 3u) { pre[at + 3u] = v.w; }
    }
    v *= normal_cdf(v);
  }
  if ((size.parts & 8u) != 0u) {
    let source = vec4u(row * size.y_row) + columns;
    v += vec4f(
      residual[source.x], residual[source.y], residual[source.z], residual[source.w]);
  }
  put_y(start + at, count, v);
}
`;

/** WGSL that numbers the register tiles: column, row and part of k. */
export const LANES_WGSL: string = /* wgsl */ `
fn tile_of(group: vec3u, lane: u32) -> vec3u {
  let lanes = vec2u(size.lanes_x, size.lanes_y);
  let parts = 8u / (lanes.x * lanes.y);
  let below = lane / lanes.x;
  return group * vec3u(lanes, parts) +
    vec3u(lane % lanes.x, below % lanes.y, below / lanes.y);
}
`;

/** The bindings of a family's shader: operands, epilogue, results. */
export const matmulBindings = ["a", "b", "bias", "residual", "y", "pre"];

const SUM = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> residual: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> pre: array<f32>;
@group(0) @binding(5) var<uniform> size: Size;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (group.y * groups.x + group.x) * 64u + lane;
  let per_row = (size.n + 3u) / 4u;
  let row = index / per_row;
  let column = index % per_row * 4u;
  if (row >= size.m) { return; }
  let last = vec4u(size.n - 1u);
  var at = vec4u(row * size.n) +
    min(vec4u(column) + vec4u(0u, 1u, 2u, 3u), last);
  var sum = vec4f(0.0);
  for (var c = 0u; c < size.chunks; c++) {
    sum += vec4f(partial[at.x], partial[at.y], partial[at.z], partial[at.w]);
    at += size.m * size.n;
  }
  finish(0u, row, column, sum);
}
`;

/** Adds up the chunks of a split product and runs the epilogue. */
export const matmulSumShader: Shader = {
  name: "matmul_sum",
  wgsl: EPILOGUE_WGSL + SUM,
  entry: "main",
  bindings: ["partial", "bias", "residual", "y", "pre"],
  uniform: true,
};

/** Numbers from the begin of a tensor to a head of an image. */
export interface HeadPlaces {
  readonly first: number;
  readonly image: number;
  readonly head: number;
}

/** Products of one shape, whose operands are parts of larger tensors. */
export interface HeadProducts {
  readonly images: number;
  readonly heads: number;
  readonly a: HeadPlaces;
  readonly b: HeadPlaces;
  readonly y: HeadPlaces;
}

/** The sizes of a product, and how its k is split. */
export interface MatmulSizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA: number;
  readonly transB: number;
  readonly alpha: number;
  readonly chunk: number;
  readonly chunks: number;
  /** Lengths of stored rows, where an operand is a part of a larger matrix. */
  readonly aRow?: number;
  readonly bRow?: number;
  readonly yRow?: number;
  /** Of register tiles. */
  readonly lanes?: Lanes;
  /** Left out, there is one product; only a tile by vectors makes more. */
  readonly each?: HeadProducts;
}

const bits = new DataView(new ArrayBuffer(4));

/** The bits of a number in a uniform buffer. */
export function floatBits(value: number): number {
  bits.setFloat32(0, value);
  return bits.getUint32(0);
}

/**
 * The uniform buffer of a product; `parts` are the epilogue's bits, and a
 * chunk of a split product has none.
 */
export function matmulUniform(
  sizes: MatmulSizes,
  alpha: number,
  parts: number,
): number[] {
  const { m, n, k, transA, transB, chunk, chunks, lanes = [1, 1] } = sizes;
  const { aRow = transA ? m : k, bRow = transB ? k : n, yRow = n } = sizes;
  const a = transA ? [1, aRow] : [aRow, 1];
  const b = transB ? [1, bRow] : [bRow, 1];
  const words = [m, n, k, chunk, ...a, ...b];
  words.push(floatBits(alpha), parts, chunks, yRow, lanes[0], lanes[1]);
  const { images, heads, a: aHeads, b: bHeads, y } = sizes.each ?? ONE;
  words.push(images * heads, heads);
  for (const { first, image, head } of [aHeads, bHeads, y]) {
    words.push(first, image, head, 0);
  }
  return words;
}

const NOWHERE: HeadPlaces = { first: 0, image: 0, head: 0 };
const ONE = { images: 1, heads: 1, a: NOWHERE, b: NOWHERE, y: NOWHERE };

/**
 * The dispatches of a product: one, or one by chunks of k into scratch and
 * one that adds the chunks.
 */
export function matmulDispatches(
  call: KernelCall,
  family: Pick<Dispatch, "shader" | "constants" | "grid">,
  sizes: MatmulSizes,
  scratch: (shape: readonly number[]) => Place,
): Dispatch[] {
  const { m, n, chunks } = sizes;
  const [a, b, bias, residual] = call.inputs;
  const [y, pre] = call.outputs;
  const parts = (bias ? 1 : 0) | (call.attributes.activation ? 2 : 0) |
    (pre ? 4 : 0) | (residual ? 8 : 0);
  const whole = matmulUniform(sizes, sizes.alpha, parts);
  if (chunks === 1) {
    const places = [a, b, bias, residual, y, pre];
    return [{ ...family, places, uniform: whole }];
  }
  const partial = scratch([chunks, m, n]);
  return [{
    ...family,
    places: [a, b, undefined, undefined, partial, undefined],
    uniform: matmulUniform({ ...sizes, yRow: n }, 1, 0),
  }, {
    shader: matmulSumShader,
    places: [partial, bias, residual, y, pre],
    constants: {},
    grid: flatGrid(Math.ceil(m * Math.ceil(n / 4) / 64)),
    uniform: whole,
  }];
}
