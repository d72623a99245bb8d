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
 * scratch, then the chunks are summed. Of dD and dU an invocation makes four of
 * the m numbers by sixteen columns, of dS one number.
 *
 * Bindings: x, dy, low, mixed, dmixed, dlow, partial; partial, addend, dscale,
 * ddown, dup. Dispatch: 64 units of a chunk a workgroup; 64 sums a workgroup.
 * Accumulates in f32.
 *
 * @module
 */
import { composeExpertsGradient } from "../compose_experts.ts";
import type { KernelCall } from "../engine.ts";
import { lowerParts, partShaders } from "./expert_parts.ts";
import {
  attribute,
  flag,
  flatGrid,
  type Kernel,
  type Shader,
} from "./kernel.ts";
import { floatBits } from "./matmul_common.ts";
import { splitRows } from "./sum_partials.ts";

const WGSL = /* wgsl */ `
struct Size {
  rows: u32, experts: u32, rank: u32,
  alpha: f32,
  // Bits: 1 dS, 2 dD, 4 dU.
  parts: u32,
  // m and n·r by four, n·r by sixteen, rounded up.
  vectors: u32, quads: u32, blocks: u32,
  // Rows of a chunk, chunks, units of a chunk and numbers of its sums.
  chunk: u32, chunks: u32, units: u32, sums: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> low: array<f32>;
@group(0) @binding(3) var<storage, read_write> mixed: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> dmixed: array<f32>;
@group(0) @binding(5) var<storage, read_write> dlow: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> partial: array<f32>;
@group(0) @binding(7) var<uniform> size: Size;

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

fn put_down(first: u32, column: u32, p: u32, v: vec4f) {
  let at = first + (column / size.rank * size.vectors * 4u + p) * size.rank + column % size.rank;
  partial[at] = v.x;
  partial[at + size.rank] = v.y;
  partial[at + 2u * size.rank] = v.z;
  partial[at + 3u * size.rank] = v.w;
}

fn put_up(first: u32, column: u32, p: u32, v: vec4f) {
  let at = first + column * size.vectors * 4u + p;
  partial[at] = size.alpha * v.x;
  partial[at + 1u] = size.alpha * v.y;
  partial[at + 2u] = size.alpha * v.z;
  partial[at + 3u] = size.alpha * v.w;
}

fn put(first: u32, quad: u32, p: u32, is_up: bool, sums: Sums) {
  if (quad >= size.quads) { return; }
  var rest = sums;
  for (var column = quad * 4u; column < quad * 4u + 4u; column++) {
    if (is_up) { put_up(first, column, p, rest.c0); }
    else { put_down(first, column, p, rest.c0); }
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
  let wide = size.vectors * size.blocks;
  let numbers = size.experts * size.experts * size.experts;
  if (unit >= 2u * wide) {
    if ((size.parts & 1u) == 0u) { return; }
    let number = unit - 2u * wide;
    partial[chunk * size.sums + number] = scale_sum(number, begin, end);
    return;
  }
  let is_up = unit >= wide;
  if (is_up && (size.parts & 4u) == 0u) { return; }
  if (!is_up && (size.parts & 2u) == 0u) { return; }
  let vector = unit % size.vectors;
  let quad = unit / size.vectors % size.blocks * 4u;
  // Columns past the end are those of the last quad, and not written.
  let q1 = min(quad + 1u, size.quads - 1u);
  let q2 = min(quad + 2u, size.quads - 1u);
  let q3 = min(quad + 3u, size.quads - 1u);
  var s0: Sums; var s1: Sums; var s2: Sums; var s3: Sums;
  for (var row = begin * size.experts; row < end * size.experts; row++) {
    let source = row * size.quads;
    if (is_up) {
      let v = dy[row * size.vectors + vector];
      s0 = step(s0, mixed[source + quad], v);
      s1 = step(s1, mixed[source + q1], v);
      s2 = step(s2, mixed[source + q2], v);
      s3 = step(s3, mixed[source + q3], v);
    } else {
      let v = x[row * size.vectors + vector];
      s0 = step(s0, dlow[source + quad], v);
      s1 = step(s1, dlow[source + q1], v);
      s2 = step(s2, dlow[source + q2], v);
      s3 = step(s3, dlow[source + q3], v);
    }
  }
  var first = chunk * size.sums + numbers;
  if (is_up) { first += size.experts * size.rank * size.vectors * 4u; }
  // In a loop that nothing unrolls, which compiles in a part of the time.
  for (var at = quad; at < quad + 4u; at++) {
    put(first, at, vector * 4u, is_up, s0);
    s0 = s1; s1 = s2; s2 = s3;
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
  var c = 0u;
  for (; c + 4u <= size.chunks; c += 4u) {
    let at = c * size.sums + i;
    sums += vec4f(
      partial[at],
      partial[at + size.sums],
      partial[at + 2u * size.sums],
      partial[at + 3u * size.sums],
    );
  }
  for (; c < size.chunks; c++) { sums.x += partial[c * size.sums + i]; }
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

const shader: Shader = {
  name: "aggregate_experts_gradient",
  wgsl: WGSL,
  entry: "main",
  bindings: ["x", "dy", "low", "mixed", "dmixed", "dlow", "partial"],
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
  shaders: [shader, sumShader, ...partShaders],
  lower(call, context) {
    if (!fits(call)) {
      return lowerParts(composeExpertsGradient(call, context.scratch), context);
    }
    const [rows, experts, rank, chunk] = ["rows", "experts", "rank", "chunk"]
      .map((name) => attribute(call, name));
    const [x, dy, low, mixed, dmixed, dlow, addend] = call.inputs;
    const [dscale, ddown, dup] = call.outputs;
    const columns = experts * rank;
    const blocks = Math.ceil(columns / 16);
    const scales = experts ** 3;
    const sums = scales + 2 * chunk * columns;
    const units = scales + 2 * chunk / 4 * blocks;
    const { size, chunks } = splitRows(rows);
    const partial = context.scratch([chunks, sums]);
    const parts = flag(dscale) | flag(ddown) << 1 | flag(dup) << 2;
    return [
      {
        shader,
        places: [x, dy, low, mixed, dmixed, dlow, partial],
        constants: {},
        uniform: [
          rows,
          experts,
          rank,
          floatBits(attribute(call, "alpha")),
          parts,
          chunk / 4,
          columns / 4,
          blocks,
          size,
          chunks,
          units,
          sums,
        ],
        grid: flatGrid(Math.ceil(units * chunks / 64)),
      },
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
