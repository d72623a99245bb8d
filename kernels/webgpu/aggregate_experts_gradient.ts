/**
 * The gradients of ALoRE's aggregation towards its tensors (arXiv 2412.08341):
 *
 *     dS[e, a, b] = Σ_t low[t, a, e]·dmixed[t, b, e] (+ addend),
 *     dD_e = Σ_t,a x[t, a]ᵀ·dlow[t, a, e],
 *     dU_e = α·Σ_t,b mixed[t, b, e]ᵀ·dy[t, b].
 *
 * Shapes: x, dy (M, n, m), low, mixed, dmixed, dlow (M, n, n, r), dS, addend
 * (n, n, n), dD (n, m, r), dU (n, r, m); m and n·r are multiples of four. Two
 * dispatches, each for all that is wanted: sums over chunks of the M rows into
 * scratch, then the chunks are summed. Of dD and dU an invocation makes eight
 * of the m numbers by eight columns, of dS one number. On software adapters dU
 * has a dispatch of its own, so that both have the same loads: loads are most
 * of what such an adapter compiles.
 *
 * Bindings: as the descriptors at the end. Dispatch: 64 units of a chunk a
 * workgroup; 64 sums a workgroup.
 * Accumulates in f32.
 *
 * @module
 */
import { composeExpertsGradient } from "../compose_experts.ts";
import type { KernelCall } from "../engine.ts";
import { lowerParts, partShaders } from "./expert_parts.ts";
import {
  attribute,
  type Dispatch,
  flag,
  flatGrid,
  type Kernel,
  type Shader,
} from "./kernel.ts";
import { floatBits } from "./matmul_common.ts";
import { splitRows } from "./sum_partials.ts";

const TOGETHER = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> low: array<f32>;
@group(0) @binding(3) var<storage, read_write> mixed: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dmixed: array<f32>;
@group(0) @binding(5) var<storage, read_write> dlow: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> partial: array<f32>;
@group(0) @binding(7) var<uniform> size: Size;

fn operands(is_up: bool, narrow: vec2u, wide: vec2u) -> Operands {
  if (is_up) {
    return Operands(mixed[narrow.x], mixed[narrow.y], dy[wide.x], dy[wide.y]);
  }
  return Operands(dlow[narrow.x], dlow[narrow.y], x[wide.x], x[wide.y]);
}
`;

const APART = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> x_or_dy: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dlow_or_mixed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> low: array<f32>;
@group(0) @binding(3) var<storage, read_write> dmixed: array<f32>;
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;
@group(0) @binding(5) var<uniform> size: Size;

fn operands(is_up: bool, narrow: vec2u, wide: vec2u) -> Operands {
  return Operands(
    dlow_or_mixed[narrow.x], dlow_or_mixed[narrow.y],
    x_or_dy[wide.x], x_or_dy[wide.y]);
}
`;

const WGSL = /* wgsl */ `
struct Size {
  rows: u32, experts: u32, rank: u32,
  alpha: f32,
  // Bits: 1 dS, 2 dD, 4 dU.
  parts: u32,
  // m and n·r by four, and by eight, rounded up.
  vectors: u32, quads: u32, vector_pairs: u32, quad_pairs: u32,
  // Rows of a chunk, chunks, units of a chunk, numbers of its sums, and those
  // of dS.
  chunk: u32, chunks: u32, units: u32, sums: u32, scales: u32,
}

// Two times four of n·r columns, and of the m numbers.
struct Operands { narrow0: vec4f, narrow1: vec4f, wide0: vec4f, wide1: vec4f }

// Four columns of a row, each times four of the m numbers.
struct Sums { c0: vec4f, c1: vec4f, c2: vec4f, c3: vec4f }

fn step(sums: Sums, columns: vec4f, v: vec4f) -> Sums {
  return Sums(
    fma(vec4f(columns.x), v, sums.c0),
    fma(vec4f(columns.y), v, sums.c1),
    fma(vec4f(columns.z), v, sums.c2),
    fma(vec4f(columns.w), v, sums.c3),
  );
}

// The sums of a chunk, towards dD or dU. No loop has a length that is known
// beforehand, or it would be unrolled, which compiles for longer.
fn put(chunk: u32, quad: u32, vector: u32, is_up: bool, sums: Sums) {
  let width = size.vectors * 4u;
  let first = chunk * size.sums + size.scales;
  var rest = sums;
  for (var column = quad * 4u; column < quad * 4u + 4u; column++) {
    var at = first + (column / size.rank * width + vector * 4u) * size.rank + column % size.rank;
    var stride = size.rank;
    var v = rest.c0;
    if (is_up) {
      at = first + (size.quads * 4u + column) * width + vector * 4u;
      stride = 1u;
      v *= size.alpha;
    }
    let end = at + 4u * stride;
    for (; at < end; at += stride) {
      partial[at] = v.x;
      v = v.yzwx;
    }
    rest = Sums(rest.c1, rest.c2, rest.c3, rest.c3);
  }
}

// One number of dS.
fn scale_sum(unit: u32, begin: u32, end: u32) -> f32 {
  let b = unit % size.experts;
  let a = unit / size.experts % size.experts;
  let expert = unit / (size.experts * size.experts);
  var sum = 0.0;
  for (var row = begin; row < end; row++) {
    let left = ((row * size.experts + a) * size.experts + expert) * size.rank;
    let right = ((row * size.experts + b) * size.experts + expert) * size.rank;
    for (var rank = 0u; rank < size.rank; rank++) {
      sum = fma(low[left + rank], dmixed[right + rank], sum);
    }
  }
  return sum;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  let chunk = i / size.units;
  if (chunk >= size.chunks) { return; }
  let unit = i % size.units;
  let begin = chunk * size.chunk;
  let end = min(begin + size.chunk, size.rows);
  let half = size.vector_pairs * size.quad_pairs;
  if (unit >= 2u * half) {
    if ((size.parts & 1u) == 0u) { return; }
    let number = unit - 2u * half;
    partial[chunk * size.sums + number] = scale_sum(number, begin, end);
    return;
  }
  let is_up = unit >= half;
  if (is_up && (size.parts & 4u) == 0u) { return; }
  if (!is_up && (size.parts & 2u) == 0u) { return; }
  // Those past the end are the last ones, and not written.
  let v0 = unit % size.vector_pairs;
  let vectors = vec2u(v0, min(v0 + size.vector_pairs, size.vectors - 1u));
  let q0 = unit / size.vector_pairs % size.quad_pairs;
  let quads = vec2u(q0, min(q0 + size.quad_pairs, size.quads - 1u));
  var s0: Sums; var s1: Sums; var s2: Sums; var s3: Sums;
  for (var row = begin * size.experts; row < end * size.experts; row++) {
    let o = operands(is_up, row * size.quads + quads, row * size.vectors + vectors);
    s0 = step(s0, o.narrow0, o.wide0);
    s1 = step(s1, o.narrow0, o.wide1);
    s2 = step(s2, o.narrow1, o.wide0);
    s3 = step(s3, o.narrow1, o.wide1);
  }
  for (var quad = q0; quad < size.quads; quad += size.quad_pairs) {
    var sums = s0;
    for (var vector = v0; vector < size.vectors; vector += size.vector_pairs) {
      put(chunk, quad, vector, is_up, sums);
      sums = s1;
    }
    s0 = s2;
    s1 = s3;
  }
}
`;

const SUM = /* wgsl */ `
// No constants: they would unroll the sum over chunks for a second and more.
struct Size {
  // Bits: 1 dS, 2 dD, 4 dU, 8 addend.
  parts: u32,
  chunks: u32, sums: u32,
  // Numbers of dS, and of dS and dD.
  scales: u32, downs: u32,
}

@group(0) @binding(0) var<storage, read_write> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> addend: array<f32>;
@group(0) @binding(2) var<storage, read_write> dscale: array<f32>;
@group(0) @binding(3) var<storage, read_write> ddown: array<f32>;
@group(0) @binding(4) var<storage, read_write> dup: array<f32>;
@group(0) @binding(5) var<uniform> size: Size;

fn has(part: u32) -> bool { return (size.parts & part) != 0u; }

fn total(i: u32) -> f32 {
  var sums = vec4f(0.0);
  for (var c = 0u; c < size.chunks; c++) {
    sums = vec4f(sums.yzw, sums.x + partial[c * size.sums + i]);
  }
  return (sums.x + sums.y) + (sums.z + sums.w);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= size.sums) { return; }
  var sum = total(i);
  if (i < size.scales) {
    if (!has(1u)) { return; }
    if (has(8u)) { sum += addend[i]; }
    dscale[i] = sum;
  } else if (i < size.downs) {
    if (has(2u)) { ddown[i - size.scales] = sum; }
  } else if (has(4u)) {
    dup[i - size.downs] = sum;
  }
}
`;

const together: Shader = {
  name: "aggregate_experts_gradient",
  wgsl: TOGETHER + WGSL,
  entry: "main",
  bindings: ["x", "dy", "low", "mixed", "dmixed", "dlow", "partial"],
  uniform: true,
};

/** For software adapters: dD, with dS, and dU. */
const apart: Shader = {
  name: "aggregate_experts_gradient, dD and dU apart",
  wgsl: APART + WGSL,
  entry: "main",
  bindings: ["x or dy", "dlow or mixed", "low", "dmixed", "partial"],
  uniform: true,
};

const sumShader: Shader = {
  name: "aggregate_experts_gradient_sum",
  wgsl: SUM,
  entry: "main",
  bindings: ["partial", "addend", "dscale", "ddown", "dup"],
  uniform: true,
};

function fits({ attributes: { experts, rank, chunk } }: KernelCall): boolean {
  return chunk % 4 === 0 && experts * rank % 4 === 0;
}

/** The gradients towards D, U and S. */
export const aggregateExpertsGradient: Kernel = {
  name: "aggregate_experts_gradient",
  half: { inputs: [0, 1, 2, 3, 4, 5], outputs: [] },
  shaders: [together, apart, sumShader, ...partShaders],
  lower(call, context) {
    if (!fits(call)) {
      return lowerParts(composeExpertsGradient(call, context.scratch), context);
    }
    const [rows, experts, rank, chunk] = ["rows", "experts", "rank", "chunk"]
      .map((name) => attribute(call, name));
    const [x, dy, low, mixed, dmixed, dlow, addend] = call.inputs;
    const [dscale, ddown, dup] = call.outputs;
    const columns = experts * rank;
    const vectorPairs = Math.ceil(chunk / 8);
    const quadPairs = Math.ceil(columns / 8);
    const scales = experts ** 3;
    const sums = scales + 2 * chunk * columns;
    const units = scales + 2 * vectorPairs * quadPairs;
    const { size, chunks } = splitRows(rows);
    const partial = context.scratch([chunks, sums]);
    const parts = flag(dscale) | flag(ddown) << 1 | flag(dup) << 2;
    const sizesOf = (parts: number) => [
      rows,
      experts,
      rank,
      floatBits(attribute(call, "alpha")),
      parts,
      chunk / 4,
      columns / 4,
      vectorPairs,
      quadPairs,
      size,
      chunks,
      units,
      sums,
      scales,
    ];
    const grid = flatGrid(Math.ceil(units * chunks / 64));
    const pass = (shader: Shader, places: Dispatch["places"], of: number) =>
      (parts & of) === 0 ? [] : [{
        shader,
        places,
        constants: {},
        uniform: sizesOf(parts & of),
        grid,
      }];
    const passes = context.software
      ? [
        ...pass(apart, [x, dlow, low, dmixed, partial], 3),
        ...pass(apart, [dy, mixed, low, dmixed, partial], 4),
      ]
      : pass(together, [x, dy, low, mixed, dmixed, dlow, partial], 7);
    return [
      ...passes,
      {
        shader: sumShader,
        places: [partial, addend, dscale, ddown, dup],
        constants: {},
        uniform: [
          parts | flag(addend) << 3,
          chunks,
          sums,
          scales,
          scales + chunk * columns,
        ],
        grid: flatGrid(Math.ceil(sums / 64)),
      },
    ];
  },
};
