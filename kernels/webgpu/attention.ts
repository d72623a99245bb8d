/**
 * Multi-head attention that never stores the probabilities.
 *
 *     o = softmax(scale·q·kᵀ)·v,  lse = log Σ exp(scale·q·kᵀ),
 *     scale = (d/H)^-1/2
 *
 * Shapes: qkv (B, T, 3·H·c), o (B, T, H·c), lse (B, H, T); c = d/H is read as
 * vectors of four, and padded to a multiple of four in scratch otherwise.
 * Bindings: qkv, o, lse. Dispatch: a workgroup of 64 computes 32 queries of a
 * head and up to 64 of its columns, in blocks of 32 keys with a running
 * maximum and sum (Milakov and Gimelshein, arXiv 1805.02867; Dao et al.,
 * arXiv 2205.14135). Lane 8i + j has queries 4i … 4i+3; it makes the scores
 * of keys 4j … 4j+3 and the output's vectors j and j + 8. Accumulates in f32.
 * Software adapters make products of it instead; see attention_products.ts.
 *
 * @module
 */
import type { KernelCall, Place } from "../engine.ts";
import {
  attentionProducts,
  productShaders,
  suitsProducts,
} from "./attention_products.ts";
import {
  attribute,
  type Dispatch,
  flag,
  type Kernel,
  required,
  type Shader,
} from "./kernel.ts";
import { padGroups, padShaders } from "./pad_groups.ts";

const WGSL = /* wgsl */ `
override TOKENS: u32;
override HEADS: u32;
override VECTORS: u32;
override SLICES: u32;
override SCALE: f32;
override HAS_LSE: bool;

@group(0) @binding(0) var<storage, read_write> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> lse: array<f32>;

const LOWEST = -3.0e38;

var<workgroup> maxima: array<vec4f, 64>;
// [key][query / 4], four queries a vector.
var<workgroup> probabilities: array<vec4f, 256>;

struct Scores { q0: vec4f, q1: vec4f, q2: vec4f, q3: vec4f }

fn scores_of(query: vec4u, key: vec4u) -> Scores {
  var s = Scores(vec4f(0.0), vec4f(0.0), vec4f(0.0), vec4f(0.0));
  for (var i = 0u; i < VECTORS; i++) {
    let k0 = qkv[key.x + i];
    let k1 = qkv[key.y + i];
    let k2 = qkv[key.z + i];
    let k3 = qkv[key.w + i];
    let q0 = qkv[query.x + i];
    s.q0 += vec4f(dot(q0, k0), dot(q0, k1), dot(q0, k2), dot(q0, k3));
    let q1 = qkv[query.y + i];
    s.q1 += vec4f(dot(q1, k0), dot(q1, k1), dot(q1, k2), dot(q1, k3));
    let q2 = qkv[query.z + i];
    s.q2 += vec4f(dot(q2, k0), dot(q2, k1), dot(q2, k2), dot(q2, k3));
    let q3 = qkv[query.w + i];
    s.q3 += vec4f(dot(q3, k0), dot(q3, k1), dot(q3, k2), dot(q3, k3));
  }
  return s;
}

fn largest(v: vec4f) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let four = vec4u(0u, 1u, 2u, 3u);
  let left = lane / 8u;
  let right = lane % 8u;
  let head = group.y / SLICES;
  let slice = group.y % SLICES;
  let stride = 3u * HEADS * VECTORS;
  let base = group.z * TOKENS * stride + head * VECTORS;
  let key_base = base + HEADS * VECTORS;
  let value_base = key_base + HEADS * VECTORS;
  let query = vec4u(group.x * 32u + left * 4u) + four;
  let query_at = vec4u(base) + min(query, vec4u(TOKENS - 1u)) * stride;
  let working = query.x < TOKENS;
  let column0 = slice * 16u + right;
  let column1 = column0 + 8u;
  let at0 = value_base + min(column0, VECTORS - 1u);
  let at1 = value_base + min(column1, VECTORS - 1u);
  let both = slice * 16u + 8u < VECTORS;

  var most = vec4f(LOWEST);
  var sum = vec4f(0.0);
  var a0 = vec4f(0.0); var a1 = vec4f(0.0);
  var a2 = vec4f(0.0); var a3 = vec4f(0.0);
  var b0 = vec4f(0.0); var b1 = vec4f(0.0);
  var b2 = vec4f(0.0); var b3 = vec4f(0.0);
  for (var block = 0u; block < TOKENS; block += 32u) {
    let key = vec4u(block + right * 4u) + four;
    let valid = key < vec4u(TOKENS);
    var s = Scores(vec4f(0.0), vec4f(0.0), vec4f(0.0), vec4f(0.0));
    if (working && valid.x) {
      s = scores_of(
        query_at, vec4u(key_base) + min(key, vec4u(TOKENS - 1u)) * stride);
    }
    s.q0 = select(vec4f(LOWEST), s.q0 * SCALE, valid);
    s.q1 = select(vec4f(LOWEST), s.q1 * SCALE, valid);
    s.q2 = select(vec4f(LOWEST), s.q2 * SCALE, valid);
    s.q3 = select(vec4f(LOWEST), s.q3 * SCALE, valid);
    maxima[lane] =
      vec4f(largest(s.q0), largest(s.q1), largest(s.q2), largest(s.q3));
    workgroupBarrier();
    var highest = most;
    for (var j = 0u; j < 8u; j++) {
      highest = max(highest, maxima[left * 8u + j]);
    }
    let shrink = exp(most - highest);
    most = highest;
    s.q0 = exp(s.q0 - most.x);
    s.q1 = exp(s.q1 - most.y);
    s.q2 = exp(s.q2 - most.z);
    s.q3 = exp(s.q3 - most.w);
    let store = right * 32u + left;
    probabilities[store] = vec4f(s.q0.x, s.q1.x, s.q2.x, s.q3.x);
    probabilities[store + 8u] = vec4f(s.q0.y, s.q1.y, s.q2.y, s.q3.y);
    probabilities[store + 16u] = vec4f(s.q0.z, s.q1.z, s.q2.z, s.q3.z);
    probabilities[store + 24u] = vec4f(s.q0.w, s.q1.w, s.q2.w, s.q3.w);
    workgroupBarrier();
    sum *= shrink;
    a0 *= shrink.x; a1 *= shrink.y; a2 *= shrink.z; a3 *= shrink.w;
    b0 *= shrink.x; b1 *= shrink.y; b2 *= shrink.z; b3 *= shrink.w;
    let keys = select(0u, min(32u, TOKENS - block), working);
    for (var k = 0u; k < keys; k++) {
      let p = probabilities[k * 8u + left];
      let row = (block + k) * stride;
      sum += p;
      let v = qkv[at0 + row];
      a0 = fma(vec4f(p.x), v, a0);
      a1 = fma(vec4f(p.y), v, a1);
      a2 = fma(vec4f(p.z), v, a2);
      a3 = fma(vec4f(p.w), v, a3);
      if (both) {
        let w = qkv[at1 + row];
        b0 = fma(vec4f(p.x), w, b0);
        b1 = fma(vec4f(p.y), w, b1);
        b2 = fma(vec4f(p.z), w, b2);
        b3 = fma(vec4f(p.w), w, b3);
      }
    }
    workgroupBarrier();
  }

  let row_size = HEADS * VECTORS;
  let out = (vec4u(group.z * TOKENS) + query) * row_size +
    vec4u(head * VECTORS);
  let inside = query < vec4u(TOKENS);
  if (column0 < VECTORS) {
    if (inside.x) { o[out.x + column0] = a0 / sum.x; }
    if (inside.y) { o[out.y + column0] = a1 / sum.y; }
    if (inside.z) { o[out.z + column0] = a2 / sum.z; }
    if (inside.w) { o[out.w + column0] = a3 / sum.w; }
  }
  if (column1 < VECTORS) {
    if (inside.x) { o[out.x + column1] = b0 / sum.x; }
    if (inside.y) { o[out.y + column1] = b1 / sum.y; }
    if (inside.z) { o[out.z + column1] = b2 / sum.z; }
    if (inside.w) { o[out.w + column1] = b3 / sum.w; }
  }
  if (HAS_LSE && right == 0u && slice == 0u) {
    let at = (group.z * HEADS + head) * TOKENS + query.x;
    let value = most + log(sum);
    if (inside.x) { lse[at] = value.x; }
    if (inside.y) { lse[at + 1u] = value.y; }
    if (inside.z) { lse[at + 2u] = value.z; }
    if (inside.w) { lse[at + 3u] = value.w; }
  }
}
`;

const shader: Shader = {
  name: "attention",
  wgsl: WGSL,
  entry: "main",
  bindings: ["qkv", "o", "lse"],
};

/** The sizes that the attention kernels are specialised on. */
export interface AttentionSizes {
  readonly batch: number;
  readonly tokens: number;
  readonly heads: number;
  /** Numbers of one head of one token, and vectors of four that hold them. */
  readonly columns: number;
  readonly vectors: number;
  /** Dispatch slices of 64 columns. */
  readonly slices: number;
  readonly scale: number;
}

/** Reads the sizes from a call. */
export function attentionSizes(call: KernelCall): AttentionSizes {
  const heads = attribute(call, "heads");
  const columns = attribute(call, "width") / heads;
  const vectors = Math.ceil(columns / 4);
  return {
    batch: attribute(call, "batch"),
    tokens: attribute(call, "tokens"),
    heads,
    columns,
    vectors,
    slices: Math.ceil(vectors / 16),
    scale: 1 / Math.sqrt(columns),
  };
}

/** Attention over the rows q|k|v. */
export const attention: Kernel = {
  name: "attention",
  half: { inputs: [0], outputs: [0] },
  shaders: [shader, ...productShaders, ...padShaders],
  lower(call, context) {
    const sizes = attentionSizes(call);
    const { batch, tokens, heads, columns, vectors, slices } = sizes;
    const rows = batch * tokens * heads;
    const padded = 4 * vectors;
    const qkv = required(call, "inputs", 0);
    const o = required(call, "outputs", 0);
    const lse = call.outputs[1];
    const flash = (qkv: Place, o: Place): Dispatch => ({
      shader,
      places: [qkv, o, lse],
      constants: {
        TOKENS: tokens,
        HEADS: heads,
        VECTORS: vectors,
        SLICES: slices,
        SCALE: sizes.scale,
        HAS_LSE: flag(lse),
      },
      grid: [Math.ceil(tokens / 32), heads * slices, batch],
    });
    const main = (qkv: Place, o: Place) =>
      suitsProducts(context.software, sizes)
        ? attentionProducts({ qkv, o, lse }, sizes, context)
        : [flash(qkv, o)];
    if (padded === columns) return main(qkv, o);
    const wideQkv = context.scratch([3 * rows, padded]);
    const wideO = context.scratch([rows, padded]);
    return [
      padGroups(
        { from: qkv, to: wideQkv },
        { groups: 3 * rows, fromWidth: columns, toWidth: padded },
      ),
      ...main(wideQkv, wideO),
      padGroups(
        { from: wideO, to: o },
        { groups: rows, fromWidth: padded, toWidth: columns },
      ),
    ];
  },
};
