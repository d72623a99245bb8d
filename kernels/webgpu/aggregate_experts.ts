/**
 * ALoRE's aggregation of experts in one pass (arXiv 2412.08341):
 *
 *     low[t, a, e] = x[t, a]·D_e,   mixed[t, b, e] = Σ_a S[e, a, b]·low[t, a, e],
 *     y[t, b] = α·Σ_e mixed[t, b, e]·U_e (+ x[t, b]) (+ residual[t, b]),
 *
 * or with `transpose` low = α·x·U_eᵀ, mixed[t, a, e] = Σ_b S[e, a, b]·low[t, b, e],
 * y[t, a] = Σ_e mixed[t, a, e]·D_eᵀ.
 *
 * Shapes: x, residual, y (M, n, m), D (n, m, r), U (n, r, m), S (n, n, n), low,
 * mixed (M, n, n, r); m is a multiple of four. Bindings: x, down, up, scale,
 * residual, y, low, mixed.
 *
 * Dispatch: a workgroup of 128 has TOKENS of the M rows, all of whose narrow
 * numbers lie in workgroup memory, n·r of a chunk padded to COLUMNS. A factor
 * passes through workgroup memory in slices of SLICE of the m numbers. Down, four
 * invocations share two chunks by 16 columns and take every fourth vector of x,
 * so that x is read once; up, an invocation makes a vector of four chunks.
 * Accumulates in f32.
 *
 * @module
 */
import { composeExperts } from "../compose_experts.ts";
import type { KernelCall } from "../engine.ts";
import { lowerParts, partShaders } from "./expert_parts.ts";
import {
  attribute,
  flag,
  flatGrid,
  type Kernel,
  required,
  type Shader,
} from "./kernel.ts";
import { floatBits } from "./matmul_common.ts";

const WGSL = /* wgsl */ `
override TRANSPOSE: bool;

// Sizes that constants would unroll for long, and make a pipeline for each.
struct Size {
  rows: u32, experts: u32, rank: u32, chunk: u32,
  alpha: f32,
  // Bits: 1 keep, 2 residual, 4 y, 8 low, 16 mixed.
  parts: u32,
  // Rows of a workgroup; padded columns by four and by sixteen; m by four.
  tokens: u32, quads: u32, blocks: u32, vectors: u32,
  // Numbers of the m in a slice.
  slice: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> down: array<f32>;
@group(0) @binding(2) var<storage, read_write> up: array<f32>;
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;
@group(0) @binding(4) var<storage, read_write> residual: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> low_out: array<f32>;
@group(0) @binding(7) var<storage, read_write> mixed_out: array<f32>;
@group(0) @binding(8) var<uniform> size: Size;

// [chunk][column / 4]: 1,024 numbers each.
var<workgroup> low: array<vec4f, 256>;
var<workgroup> mixed: array<vec4f, 256>;
// Down [column / 4][p % 4][p / 4], up [column][p / 4]: 2,048 numbers.
var<workgroup> slice: array<vec4f, 512>;

fn has(part: u32) -> bool { return (size.parts & part) != 0u; }

// Column c of row p of D as [m, n·r], or of Uᵀ.
fn down_at(c: u32, p: u32) -> f32 {
  if (c >= size.experts * size.rank || p >= size.chunk) { return 0.0; }
  if (TRANSPOSE) { return up[c * size.chunk + p]; }
  return down[(c / size.rank * size.chunk + p) * size.rank + c % size.rank];
}

// Row c, column p of U as [n·r, m], or of Dᵀ.
fn up_at(c: u32, p: u32) -> f32 {
  if (c >= size.experts * size.rank || p >= size.chunk) { return 0.0; }
  if (TRANSPOSE) { return down[(c / size.rank * size.chunk + p) * size.rank + c % size.rank]; }
  return up[c * size.chunk + p];
}

fn factor(column: u32, a: u32, b: u32) -> f32 {
  let at = column / size.rank * size.experts;
  if (column >= size.experts * size.rank) { return 0.0; }
  if (TRANSPOSE) { return scale[(at + b) * size.experts + a]; }
  return scale[(at + a) * size.experts + b];
}

fn load_down(first: u32, lane: u32) {
  for (var i = lane; i < size.slice * size.quads; i += 128u) {
    let p = i % size.slice;
    let quad = i / size.slice;
    let c = quad * 4u;
    slice[(quad * 4u + p % 4u) * (size.slice / 4u) + p / 4u] = vec4f(
      down_at(c, first + p),
      down_at(c + 1u, first + p),
      down_at(c + 2u, first + p),
      down_at(c + 3u, first + p),
    );
  }
}

fn load_up(first: u32, lane: u32) {
  for (var i = lane; i < size.slice * size.quads; i += 128u) {
    let p = first + i % (size.slice / 4u) * 4u;
    let c = i / (size.slice / 4u);
    slice[i] =
      vec4f(up_at(c, p), up_at(c, p + 1u), up_at(c, p + 2u), up_at(c, p + 3u));
  }
}

// Four columns of the product of a vector of x.
fn product(sum: vec4f, v: vec4f, at: u32) -> vec4f {
  let step = size.slice / 4u;
  return fma(vec4f(v.x), slice[at], fma(vec4f(v.y), slice[at + step],
    fma(vec4f(v.z), slice[at + 2u * step],
      fma(vec4f(v.w), slice[at + 3u * step], sum))));
}

// Four vectors of four columns each of what is mixed times those of a slice.
fn expand(sum: vec4f, m: vec4f, s: array<vec4f, 4>) -> vec4f {
  return fma(vec4f(m.x), s[0],
    fma(vec4f(m.y), s[1], fma(vec4f(m.z), s[2], fma(vec4f(m.w), s[3], sum))));
}

fn finish(at: u32, sum: vec4f) {
  var v = sum;
  if (!TRANSPOSE) { v *= size.alpha; }
  if (has(1u)) { v += x[at]; }
  if (has(2u)) { v += residual[at]; }
  y[at] = v;
}

@compute @workgroup_size(128)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let token = (group.y * groups.x + group.x) * size.tokens;
  let first_row = token * size.experts;
  // Zero in the surplus workgroups of the grid.
  let rows = (min(token + size.tokens, size.rows) - min(token, size.rows)) * size.experts;
  let pairs = 32u / size.blocks;
  let part = lane % 4u;
  let block = lane / 4u % size.blocks;
  let row0 = lane / 4u / size.blocks;
  let row1 = row0 + pairs;
  let last = max(rows, 1u) - 1u;
  let from0 = (min(first_row, size.rows * size.experts - 1u) + min(row0, last)) * size.vectors;
  let from1 = (min(first_row, size.rows * size.experts - 1u) + min(row1, last)) * size.vectors;
  var a0 = vec4f(0.0); var a1 = vec4f(0.0);
  var a2 = vec4f(0.0); var a3 = vec4f(0.0);
  var b0 = vec4f(0.0); var b1 = vec4f(0.0);
  var b2 = vec4f(0.0); var b3 = vec4f(0.0);
  for (var first = 0u; first < size.chunk; first += size.slice) {
    workgroupBarrier();
    load_down(first, lane);
    workgroupBarrier();
    let end = min(size.slice, size.chunk - first) / 4u;
    for (var i = part; i < end; i += 4u) {
      let v = x[from0 + first / 4u + i];
      let w = x[from1 + first / 4u + i];
      let at = block * 4u * size.slice + i;
      a0 = product(a0, v, at);
      b0 = product(b0, w, at);
      a1 = product(a1, v, at + size.slice);
      b1 = product(b1, w, at + size.slice);
      a2 = product(a2, v, at + 2u * size.slice);
      b2 = product(b2, w, at + 2u * size.slice);
      a3 = product(a3, v, at + 3u * size.slice);
      b3 = product(b3, w, at + 3u * size.slice);
    }
  }
  if (TRANSPOSE) {
    a0 *= size.alpha; a1 *= size.alpha; a2 *= size.alpha; a3 *= size.alpha;
    b0 *= size.alpha; b1 *= size.alpha; b2 *= size.alpha; b3 *= size.alpha;
  }
  // The four sums of a number, one after the other.
  let to0 = row0 * size.quads + block * 4u;
  let to1 = row1 * size.quads + block * 4u;
  for (var turn = 0u; turn < 4u; turn++) {
    if (part == turn) {
      if (turn > 0u) {
        a0 += low[to0]; a1 += low[to0 + 1u];
        a2 += low[to0 + 2u]; a3 += low[to0 + 3u];
        b0 += low[to1]; b1 += low[to1 + 1u];
        b2 += low[to1 + 2u]; b3 += low[to1 + 3u];
      }
      low[to0] = a0; low[to0 + 1u] = a1;
      low[to0 + 2u] = a2; low[to0 + 3u] = a3;
      low[to1] = b0; low[to1 + 1u] = b1;
      low[to1 + 2u] = b2; low[to1 + 3u] = b3;
    }
    workgroupBarrier();
  }
  for (var i = lane; i < rows * size.quads; i += 128u) {
    let column = i % size.quads * 4u;
    let row = i / size.quads;
    let chunk = row % size.experts;
    var source = (row - chunk) * size.quads + i % size.quads;
    var sum = vec4f(0.0);
    for (var other = 0u; other < size.experts; other++) {
      let weights = vec4f(
        factor(column, other, chunk),
        factor(column + 1u, other, chunk),
        factor(column + 2u, other, chunk),
        factor(column + 3u, other, chunk),
      );
      sum = fma(weights, low[source], sum);
      source += size.quads;
    }
    mixed[i] = sum;
  }
  workgroupBarrier();
  let columns = size.experts * size.rank;
  if (has(8u) || has(16u)) {
    for (var i = lane; i < rows * columns; i += 128u) {
      let c = i % columns;
      let at = i / columns * size.quads + c / 4u;
      let to = first_row * columns + i;
      if (has(8u)) { low_out[to] = low[at][c % 4u]; }
      if (has(16u)) { mixed_out[to] = mixed[at][c % 4u]; }
    }
  }
  if (!has(4u)) { return; }
  for (var first = 0u; first < size.chunk; first += size.slice) {
    workgroupBarrier();
    load_up(first, lane);
    workgroupBarrier();
    let width = min(size.slice, size.chunk - first) / 4u;
    for (var i = lane; i < (rows + 3u) / 4u * width; i += 128u) {
      let p = i % width;
      let row = i / width * 4u;
      let m0 = row * size.quads;
      let m1 = min(row + 1u, last) * size.quads;
      let m2 = min(row + 2u, last) * size.quads;
      let m3 = min(row + 3u, last) * size.quads;
      var s0 = vec4f(0.0); var s1 = vec4f(0.0);
      var s2 = vec4f(0.0); var s3 = vec4f(0.0);
      for (var q = 0u; q < size.quads; q++) {
        let at = q * size.slice + p;
        let step = size.slice / 4u;
        let s = array<vec4f, 4>(
          slice[at],
          slice[at + step],
          slice[at + 2u * step],
          slice[at + 3u * step],
        );
        s0 = expand(s0, mixed[m0 + q], s);
        s1 = expand(s1, mixed[m1 + q], s);
        s2 = expand(s2, mixed[m2 + q], s);
        s3 = expand(s3, mixed[m3 + q], s);
      }
      let to = (first_row + row) * size.vectors + first / 4u + p;
      finish(to, s0);
      if (row + 1u < rows) { finish(to + size.vectors, s1); }
      if (row + 2u < rows) { finish(to + 2u * size.vectors, s2); }
      if (row + 3u < rows) { finish(to + 3u * size.vectors, s3); }
    }
  }
}
`;

const shader: Shader = {
  name: "aggregate_experts",
  wgsl: WGSL,
  entry: "main",
  bindings: [
    "x",
    "down",
    "up",
    "scale",
    "residual",
    "y",
    "low_out",
    "mixed_out",
  ],
  uniform: true,
};

/** Narrow numbers of a workgroup, and numbers of a slice of a factor. */
const NARROW = 1024;
const SLICE = 2048;

/** The narrowest slice whose vectors keep four invocations busy. */
const NARROWEST = 16;

/** The rows of a workgroup and such, unless it has to be taken apart. */
function tiling({ attributes }: KernelCall) {
  const { experts, rank, chunk } = attributes;
  // A power of two, to share out the invocations and the slices.
  const blocks = 2 ** Math.ceil(Math.log2(Math.ceil(experts * rank / 16)));
  const tokens = Math.floor(NARROW / (16 * blocks) / experts);
  const slice = SLICE / (16 * blocks);
  if (tokens < 1 || slice < NARROWEST || chunk % 4 !== 0) return undefined;
  return { tokens, uniform: [tokens, 4 * blocks, blocks, chunk / 4, slice] };
}

/** The aggregation of experts, forwards and back. */
export const aggregateExperts: Kernel = {
  name: "aggregate_experts",
  half: { inputs: [0, 4], outputs: [0, 1, 2] },
  shaders: [shader, ...partShaders],
  lower(call, context) {
    const tiles = tiling(call);
    // On llvmpipe it was no faster than its parts, and takes longer to compile.
    if (!tiles || context.software) {
      return lowerParts(composeExperts(call, context.scratch), context);
    }
    const [x, down, up, scale] = [0, 1, 2, 3]
      .map((i) => required(call, "inputs", i));
    const residual = call.inputs[4];
    const [y, low, mixed] = call.outputs;
    return [{
      shader,
      places: [x, down, up, scale, residual, y, low, mixed],
      constants: { TRANSPOSE: attribute(call, "transpose") },
      uniform: [
        ...["rows", "experts", "rank", "chunk"]
          .map((name) => attribute(call, name)),
        floatBits(attribute(call, "alpha")),
        attribute(call, "keep") | flag(residual) << 1 | flag(y) << 2 |
        flag(low) << 3 | flag(mixed) << 4,
        ...tiles.uniform,
      ],
      grid: flatGrid(Math.ceil(attribute(call, "rows") / tiles.tokens)),
    }];
  },
};
