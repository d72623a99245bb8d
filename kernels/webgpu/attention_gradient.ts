/**
 * The gradient of attention; probabilities are computed again from lse.
 *
 *     p = exp(scale·q·kᵀ - lse),  δ = Σ_c do·o,  ds = p·(do·vᵀ - δ)·scale
 *     dq = ds·k,  dk = dsᵀ·q,  dv = pᵀ·do
 *
 * Shapes as in attention.ts; δ (B, H, T) in scratch. Dispatches: δ, one
 * invocation a query and head; dq, a workgroup of 64 for 32 queries of a head
 * and up to 64 columns, over blocks of 32 keys; dk and dv, the same with
 * queries and keys exchanged. Accumulates in f32. Source: Dao et al., arXiv
 * 2205.14135, algorithm 4.
 *
 * @module
 */
import type { Place } from "../engine.ts";
import { attentionSizes } from "./attention.ts";
import { deltaShader } from "./attention_delta.ts";
import {
  attentionGradientProducts,
  productShaders,
  suitsProducts,
} from "./attention_products.ts";
import {
  type Dispatch,
  flatGrid,
  type Kernel,
  required,
  type Shader,
} from "./kernel.ts";
import { padGroups, padShaders } from "./pad_groups.ts";

const PAIRS = /* wgsl */ `
override TOKENS: u32;
override HEADS: u32;
override VECTORS: u32;
override SLICES: u32;
override SCALE: f32;

@group(0) @binding(0) var<storage, read_write> dout: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> qkv: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> lse: array<f32>;
@group(0) @binding(3) var<storage, read_write> delta: array<f32>;
@group(0) @binding(4) var<storage, read_write> dqkv: array<vec4f>;

// [query][key], one key a component.
struct Pairs {
  s0: vec4f, s1: vec4f, s2: vec4f, s3: vec4f,
  d0: vec4f, d1: vec4f, d2: vec4f, d3: vec4f,
}

// p and ds of four queries and four keys; the value of a key lies HEADS·VECTORS
// after the key.
fn pairs_of(query: vec4u, upstream: vec4u, key: vec4u, stats: u32,
            token: vec4u) -> Pairs {
  let to_value = HEADS * VECTORS;
  var r = Pairs(
    vec4f(0.0), vec4f(0.0), vec4f(0.0), vec4f(0.0),
    vec4f(0.0), vec4f(0.0), vec4f(0.0), vec4f(0.0));
  for (var i = 0u; i < VECTORS; i++) {
    let k0 = qkv[key.x + i];
    let k1 = qkv[key.y + i];
    let k2 = qkv[key.z + i];
    let k3 = qkv[key.w + i];
    let q0 = qkv[query.x + i];
    r.s0 += vec4f(dot(q0, k0), dot(q0, k1), dot(q0, k2), dot(q0, k3));
    let q1 = qkv[query.y + i];
    r.s1 += vec4f(dot(q1, k0), dot(q1, k1), dot(q1, k2), dot(q1, k3));
    let q2 = qkv[query.z + i];
    r.s2 += vec4f(dot(q2, k0), dot(q2, k1), dot(q2, k2), dot(q2, k3));
    let q3 = qkv[query.w + i];
    r.s3 += vec4f(dot(q3, k0), dot(q3, k1), dot(q3, k2), dot(q3, k3));
  }
  for (var i = 0u; i < VECTORS; i++) {
    let v0 = qkv[key.x + to_value + i];
    let v1 = qkv[key.y + to_value + i];
    let v2 = qkv[key.z + to_value + i];
    let v3 = qkv[key.w + to_value + i];
    let g0 = dout[upstream.x + i];
    r.d0 += vec4f(dot(g0, v0), dot(g0, v1), dot(g0, v2), dot(g0, v3));
    let g1 = dout[upstream.y + i];
    r.d1 += vec4f(dot(g1, v0), dot(g1, v1), dot(g1, v2), dot(g1, v3));
    let g2 = dout[upstream.z + i];
    r.d2 += vec4f(dot(g2, v0), dot(g2, v1), dot(g2, v2), dot(g2, v3));
    let g3 = dout[upstream.w + i];
    r.d3 += vec4f(dot(g3, v0), dot(g3, v1), dot(g3, v2), dot(g3, v3));
  }
  r.s0 = exp(fma(r.s0, vec4f(SCALE), vec4f(-lse[stats + token.x])));
  r.s1 = exp(fma(r.s1, vec4f(SCALE), vec4f(-lse[stats + token.y])));
  r.s2 = exp(fma(r.s2, vec4f(SCALE), vec4f(-lse[stats + token.z])));
  r.s3 = exp(fma(r.s3, vec4f(SCALE), vec4f(-lse[stats + token.w])));
  r.d0 = r.s0 * (r.d0 - delta[stats + token.x]) * SCALE;
  r.d1 = r.s1 * (r.d1 - delta[stats + token.y]) * SCALE;
  r.d2 = r.s2 * (r.d2 - delta[stats + token.z]) * SCALE;
  r.d3 = r.s3 * (r.d3 - delta[stats + token.w]) * SCALE;
  return r;
}
`;

const QUERY = /* wgsl */ `
// ds as [key][query / 4], four queries a vector.
var<workgroup> shared_ds: array<vec4f, 256>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let four = vec4u(0u, 1u, 2u, 3u);
  let last = vec4u(TOKENS - 1u);
  let left = lane / 8u;
  let right = lane % 8u;
  let head = group.y / SLICES;
  let slice = group.y % SLICES;
  let row_size = HEADS * VECTORS;
  let stride = 3u * row_size;
  let base = group.z * TOKENS * stride + head * VECTORS;
  let key_base = base + row_size;
  let upstream_base = group.z * TOKENS * row_size + head * VECTORS;
  let stats = (group.z * HEADS + head) * TOKENS;
  let query = vec4u(group.x * 32u + left * 4u) + four;
  let token = min(query, last);
  let working = query.x < TOKENS;
  let column0 = slice * 16u + right;
  let column1 = column0 + 8u;
  let at0 = key_base + min(column0, VECTORS - 1u);
  let at1 = key_base + min(column1, VECTORS - 1u);
  let both = slice * 16u + 8u < VECTORS;

  var a0 = vec4f(0.0); var a1 = vec4f(0.0);
  var a2 = vec4f(0.0); var a3 = vec4f(0.0);
  var b0 = vec4f(0.0); var b1 = vec4f(0.0);
  var b2 = vec4f(0.0); var b3 = vec4f(0.0);
  for (var block = 0u; block < TOKENS; block += 32u) {
    let key = vec4u(block + right * 4u) + four;
    if (working && key.x < TOKENS) {
      let r = pairs_of(
        vec4u(base) + token * stride,
        vec4u(upstream_base) + token * row_size,
        vec4u(key_base) + min(key, last) * stride,
        stats,
        token,
      );
      let store = right * 32u + left;
      shared_ds[store] = vec4f(r.d0.x, r.d1.x, r.d2.x, r.d3.x);
      shared_ds[store + 8u] = vec4f(r.d0.y, r.d1.y, r.d2.y, r.d3.y);
      shared_ds[store + 16u] = vec4f(r.d0.z, r.d1.z, r.d2.z, r.d3.z);
      shared_ds[store + 24u] = vec4f(r.d0.w, r.d1.w, r.d2.w, r.d3.w);
    }
    workgroupBarrier();
    let keys = select(0u, min(32u, TOKENS - block), working);
    for (var k = 0u; k < keys; k++) {
      let ds = shared_ds[k * 8u + left];
      let row = (block + k) * stride;
      let v = qkv[at0 + row];
      a0 = fma(vec4f(ds.x), v, a0);
      a1 = fma(vec4f(ds.y), v, a1);
      a2 = fma(vec4f(ds.z), v, a2);
      a3 = fma(vec4f(ds.w), v, a3);
      if (both) {
        let w = qkv[at1 + row];
        b0 = fma(vec4f(ds.x), w, b0);
        b1 = fma(vec4f(ds.y), w, b1);
        b2 = fma(vec4f(ds.z), w, b2);
        b3 = fma(vec4f(ds.w), w, b3);
      }
    }
    workgroupBarrier();
  }

  let out = vec4u(base) + query * stride;
  let inside = query < vec4u(TOKENS);
  if (column0 < VECTORS) {
    if (inside.x) { dqkv[out.x + column0] = a0; }
    if (inside.y) { dqkv[out.y + column0] = a1; }
    if (inside.z) { dqkv[out.z + column0] = a2; }
    if (inside.w) { dqkv[out.w + column0] = a3; }
  }
  if (column1 < VECTORS) {
    if (inside.x) { dqkv[out.x + column1] = b0; }
    if (inside.y) { dqkv[out.y + column1] = b1; }
    if (inside.z) { dqkv[out.z + column1] = b2; }
    if (inside.w) { dqkv[out.w + column1] = b3; }
  }
}
`;

const KEY_VALUE = /* wgsl */ `
// p and ds as [query][key / 4], four keys a vector.
var<workgroup> shared_p: array<vec4f, 256>;
var<workgroup> shared_ds: array<vec4f, 256>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let four = vec4u(0u, 1u, 2u, 3u);
  let last = vec4u(TOKENS - 1u);
  let left = lane / 8u;
  let right = lane % 8u;
  let head = group.y / SLICES;
  let slice = group.y % SLICES;
  let row_size = HEADS * VECTORS;
  let stride = 3u * row_size;
  let base = group.z * TOKENS * stride + head * VECTORS;
  let key_base = base + row_size;
  let upstream_base = group.z * TOKENS * row_size + head * VECTORS;
  let stats = (group.z * HEADS + head) * TOKENS;
  let key = vec4u(group.x * 32u + left * 4u) + four;
  let key_at = vec4u(key_base) + min(key, last) * stride;
  let working = key.x < TOKENS;
  let column0 = min(slice * 16u + right, VECTORS - 1u);
  let column1 = min(slice * 16u + right + 8u, VECTORS - 1u);
  let both = slice * 16u + 8u < VECTORS;

  var k0 = vec4f(0.0); var k1 = vec4f(0.0);
  var k2 = vec4f(0.0); var k3 = vec4f(0.0);
  var v0 = vec4f(0.0); var v1 = vec4f(0.0);
  var v2 = vec4f(0.0); var v3 = vec4f(0.0);
  var l0 = vec4f(0.0); var l1 = vec4f(0.0);
  var l2 = vec4f(0.0); var l3 = vec4f(0.0);
  var w0 = vec4f(0.0); var w1 = vec4f(0.0);
  var w2 = vec4f(0.0); var w3 = vec4f(0.0);
  for (var block = 0u; block < TOKENS; block += 32u) {
    let query = vec4u(block + right * 4u) + four;
    if (working && query.x < TOKENS) {
      let token = min(query, last);
      let r = pairs_of(
        vec4u(base) + token * stride,
        vec4u(upstream_base) + token * row_size,
        key_at,
        stats,
        token,
      );
      let store = right * 32u + left;
      shared_p[store] = r.s0;
      shared_p[store + 8u] = r.s1;
      shared_p[store + 16u] = r.s2;
      shared_p[store + 24u] = r.s3;
      shared_ds[store] = r.d0;
      shared_ds[store + 8u] = r.d1;
      shared_ds[store + 16u] = r.d2;
      shared_ds[store + 24u] = r.d3;
    }
    workgroupBarrier();
    let queries = select(0u, min(32u, TOKENS - block), working);
    for (var i = 0u; i < queries; i++) {
      let p = shared_p[i * 8u + left];
      let ds = shared_ds[i * 8u + left];
      let query_at = base + (block + i) * stride;
      let upstream_at = upstream_base + (block + i) * row_size;
      let q = qkv[query_at + column0];
      let g = dout[upstream_at + column0];
      k0 = fma(vec4f(ds.x), q, k0);
      k1 = fma(vec4f(ds.y), q, k1);
      k2 = fma(vec4f(ds.z), q, k2);
      k3 = fma(vec4f(ds.w), q, k3);
      v0 = fma(vec4f(p.x), g, v0);
      v1 = fma(vec4f(p.y), g, v1);
      v2 = fma(vec4f(p.z), g, v2);
      v3 = fma(vec4f(p.w), g, v3);
      if (both) {
        let r = qkv[query_at + column1];
        let h = dout[upstream_at + column1];
        l0 = fma(vec4f(ds.x), r, l0);
        l1 = fma(vec4f(ds.y), r, l1);
        l2 = fma(vec4f(ds.z), r, l2);
        l3 = fma(vec4f(ds.w), r, l3);
        w0 = fma(vec4f(p.x), h, w0);
        w1 = fma(vec4f(p.y), h, w1);
        w2 = fma(vec4f(p.z), h, w2);
        w3 = fma(vec4f(p.w), h, w3);
      }
    }
    workgroupBarrier();
  }

  let out = vec4u(key_base) + key * stride;
  let inside = key < vec4u(TOKENS);
  if (slice * 16u + right < VECTORS) {
    let o0 = out + vec4u(column0);
    if (inside.x) { dqkv[o0.x] = k0; dqkv[o0.x + row_size] = v0; }
    if (inside.y) { dqkv[o0.y] = k1; dqkv[o0.y + row_size] = v1; }
    if (inside.z) { dqkv[o0.z] = k2; dqkv[o0.z + row_size] = v2; }
    if (inside.w) { dqkv[o0.w] = k3; dqkv[o0.w + row_size] = v3; }
  }
  if (slice * 16u + right + 8u < VECTORS) {
    let o1 = out + vec4u(column1);
    if (inside.x) { dqkv[o1.x] = l0; dqkv[o1.x + row_size] = w0; }
    if (inside.y) { dqkv[o1.y] = l1; dqkv[o1.y + row_size] = w1; }
    if (inside.z) { dqkv[o1.z] = l2; dqkv[o1.z + row_size] = w2; }
    if (inside.w) { dqkv[o1.w] = l3; dqkv[o1.w + row_size] = w3; }
  }
}
`;

const bindings = ["dout", "qkv", "lse", "delta", "dqkv"];

const queryShader: Shader = {
  name: "attention_gradient_query",
  wgsl: PAIRS + QUERY,
  entry: "main",
  bindings,
};

const keyValueShader: Shader = {
  name: "attention_gradient_key_value",
  wgsl: PAIRS + KEY_VALUE,
  entry: "main",
  bindings,
};

/** The gradient of attention to q|k|v. */
export const attentionGradient: Kernel = {
  name: "attention_gradient",
  half: { inputs: [0, 1, 2], outputs: [0] },
  shaders: [
    deltaShader,
    queryShader,
    keyValueShader,
    ...productShaders,
    ...padShaders,
  ],
  lower(call, context) {
    const sizes = attentionSizes(call);
    const { batch, tokens, heads, columns, vectors, slices } = sizes;
    const rows = batch * tokens * heads;
    const toWidth = 4 * vectors;
    const before: Dispatch[] = [];
    const widen = (place: Place, groups: number): Place => {
      if (toWidth === columns) return place;
      const to = context.scratch([groups, toWidth]);
      const widths = { groups, fromWidth: columns, toWidth };
      before.push(padGroups({ from: place, to }, widths));
      return to;
    };
    const dout = widen(required(call, "inputs", 0), rows);
    const qkv = widen(required(call, "inputs", 1), 3 * rows);
    const o = widen(required(call, "inputs", 2), rows);
    const lse = required(call, "inputs", 3);
    const result = required(call, "outputs", 0);
    const wide = toWidth === columns
      ? result
      : context.scratch([3 * rows, toWidth]);
    const delta = context.scratch([batch, heads, tokens]);
    const shapes = { TOKENS: tokens, HEADS: heads, VECTORS: vectors };
    const constants = { ...shapes, SLICES: slices, SCALE: sizes.scale };
    const places = [dout, qkv, lse, delta, wide];
    const grid = [Math.ceil(tokens / 32), heads * slices, batch] as const;
    const after = wide === result ? [] : [padGroups(
      { from: wide, to: result },
      { groups: 3 * rows, fromWidth: toWidth, toWidth: columns },
    )];
    return [
      ...before,
      {
        shader: deltaShader,
        places: [dout, o, delta],
        constants: {},
        uniform: [rows, tokens, heads, vectors],
        grid: flatGrid(Math.ceil(rows / 64)),
      },
      ...suitsProducts(context.software, sizes)
        ? attentionGradientProducts(
          { dout, qkv, lse, delta, dqkv: wide },
          sizes,
          context,
        )
        : [queryShader, keyValueShader].map((shader) => ({
          shader,
          places,
          constants,
          grid,
        })),
      ...after,
    ];
  },
};
