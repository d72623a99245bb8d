/**
 * The gradient of attention for software adapters: four rows an invocation.
 *
 * Formulas and shapes as in attention_gradient.ts, for the heads and with the
 * dispatch of attention_rows.ts. Bindings: dout, qkv, lse, delta, dqkv, size. One
 * shader makes dq for four queries and goes over the keys, the other dk and dv
 * for four keys and goes over the queries. Accumulates in f32.
 *
 * @module
 */
import { ROWS_WGSL } from "./attention_rows.ts";
import type { Shader } from "./kernel.ts";

const INTERFACE = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> dout: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> qkv: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> lse: array<f32>;
@group(0) @binding(3) var<storage, read_write> delta: array<f32>;
@group(0) @binding(4) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(5) var<uniform> size: Size;

fn upstream(at: u32) -> Quarter {
  return Quarter(dout[at], dout[at + 1u], dout[at + 2u], dout[at + 3u]);
}
`;

const QUERY = /* wgsl */ `
@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = (group.y * groups.x + group.x) * 8u + lane;
  if (item >= size.items) { return; }
  let own = own_of(item);
  let query = vec4u(item % size.tiles * 4u) + vec4u(0u, 1u, 2u, 3u);
  let token = min(query, vec4u(size.tokens - 1u));
  let stats = vec4u(own.stats) + token;
  let shift = vec4f(lse[stats.x], lse[stats.y], lse[stats.z], lse[stats.w]);
  let less =
    vec4f(delta[stats.x], delta[stats.y], delta[stats.z], delta[stats.w]);
  var q0: Rows; var q1: Rows; var q2: Rows; var q3: Rows;
  var g0: Rows; var g1: Rows; var g2: Rows; var g3: Rows;
  for (var i = 0u; i < 4u; i++) {
    let row = min(query.x + i, size.tokens - 1u);
    let q_at = own.qkv + row * own.stride;
    let g_at = own.o + row * own.row;
    q0 = shifted(q0, load(q_at));
    g0 = shifted(g0, upstream(g_at));
    q1 = shifted(q1, load(q_at + 4u));
    g1 = shifted(g1, upstream(g_at + 4u));
    q2 = shifted(q2, load(q_at + 8u));
    g2 = shifted(g2, upstream(g_at + 8u));
    q3 = shifted(q3, load(q_at + 12u));
    g3 = shifted(g3, upstream(g_at + 12u));
  }
  var d0: Rows; var d1: Rows; var d2: Rows; var d3: Rows;
  for (var key = 0u; key < size.tokens; key++) {
    let k_at = own.qkv + own.row + key * own.stride;
    let v_at = k_at + own.row;
    var k0: Quarter; var k1: Quarter; var k2: Quarter; var k3: Quarter;
    k0 = load(k_at);
    var s = products(q0, k0);
    var d = products(g0, load(v_at));
    k1 = load(k_at + 4u);
    s += products(q1, k1);
    d += products(g1, load(v_at + 4u));
    k2 = load(k_at + 8u);
    s += products(q2, k2);
    d += products(g2, load(v_at + 8u));
    k3 = load(k_at + 12u);
    s += products(q3, k3);
    d += products(g3, load(v_at + 12u));
    let ds = exp(s * size.scale - shift) * (d - less) * size.scale;
    d0 = add(d0, ds, k0);
    d1 = add(d1, ds, k1);
    d2 = add(d2, ds, k2);
    d3 = add(d3, ds, k3);
  }
  for (var i = 0u; i < 4u; i++) {
    if (query.x + i < size.tokens) {
      let at = own.qkv + (query.x + i) * own.stride;
      put(at, d0.r0);
      put(at + 4u, d1.r0);
      put(at + 8u, d2.r0);
      put(at + 12u, d3.r0);
    }
    d0 = shifted(d0, d0.r0);
    d1 = shifted(d1, d1.r0);
    d2 = shifted(d2, d2.r0);
    d3 = shifted(d3, d3.r0);
  }
}
`;

const KEY_VALUE = /* wgsl */ `
@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let item = (group.y * groups.x + group.x) * 8u + lane;
  if (item >= size.items) { return; }
  let own = own_of(item);
  let key = item % size.tiles * 4u;
  let k_base = own.qkv + own.row;
  var k0: Rows; var k1: Rows; var k2: Rows; var k3: Rows;
  var v0: Rows; var v1: Rows; var v2: Rows; var v3: Rows;
  for (var i = 0u; i < 4u; i++) {
    let at = k_base + min(key + i, size.tokens - 1u) * own.stride;
    let v_at = at + own.row;
    k0 = shifted(k0, load(at));
    v0 = shifted(v0, load(v_at));
    k1 = shifted(k1, load(at + 4u));
    v1 = shifted(v1, load(v_at + 4u));
    k2 = shifted(k2, load(at + 8u));
    v2 = shifted(v2, load(v_at + 8u));
    k3 = shifted(k3, load(at + 12u));
    v3 = shifted(v3, load(v_at + 12u));
  }
  var a0: Rows; var a1: Rows; var a2: Rows; var a3: Rows;
  var b0: Rows; var b1: Rows; var b2: Rows; var b3: Rows;
  for (var query = 0u; query < size.tokens; query++) {
    let q_at = own.qkv + query * own.stride;
    let g_at = own.o + query * own.row;
    var q0: Quarter; var q1: Quarter; var q2: Quarter; var q3: Quarter;
    var g0: Quarter; var g1: Quarter; var g2: Quarter; var g3: Quarter;
    q0 = load(q_at);
    g0 = upstream(g_at);
    var s = products(k0, q0);
    var d = products(v0, g0);
    q1 = load(q_at + 4u);
    g1 = upstream(g_at + 4u);
    s += products(k1, q1);
    d += products(v1, g1);
    q2 = load(q_at + 8u);
    g2 = upstream(g_at + 8u);
    s += products(k2, q2);
    d += products(v2, g2);
    q3 = load(q_at + 12u);
    g3 = upstream(g_at + 12u);
    s += products(k3, q3);
    d += products(v3, g3);
    let p = exp(s * size.scale - lse[own.stats + query]);
    let ds = p * (d - delta[own.stats + query]) * size.scale;
    a0 = add(a0, ds, q0);
    b0 = add(b0, p, g0);
    a1 = add(a1, ds, q1); b1 = add(b1, p, g1);
    a2 = add(a2, ds, q2); b2 = add(b2, p, g2);
    a3 = add(a3, ds, q3); b3 = add(b3, p, g3);
  }
  for (var i = 0u; i < 4u; i++) {
    if (key + i < size.tokens) {
      let at = k_base + (key + i) * own.stride;
      let v_at = at + own.row;
      put(at, a0.r0);
      put(v_at, b0.r0);
      put(at + 4u, a1.r0); put(v_at + 4u, b1.r0);
      put(at + 8u, a2.r0); put(v_at + 8u, b2.r0);
      put(at + 12u, a3.r0); put(v_at + 12u, b3.r0);
    }
    a0 = shifted(a0, a0.r0); b0 = shifted(b0, b0.r0);
    a1 = shifted(a1, a1.r0); b1 = shifted(b1, b1.r0);
    a2 = shifted(a2, a2.r0); b2 = shifted(b2, b2.r0);
    a3 = shifted(a3, a3.r0); b3 = shifted(b3, b3.r0);
  }
}
`;

const bindings = ["dout", "qkv", "lse", "delta", "dqkv"];

/** dq, four queries an invocation. */
export const queryRowsShader: Shader = {
  name: "attention_rows_gradient_query",
  wgsl: ROWS_WGSL + INTERFACE + QUERY,
  entry: "main",
  bindings,
  uniform: true,
};

/** dk and dv, four keys an invocation. */
export const keyValueRowsShader: Shader = {
  name: "attention_rows_gradient_key_value",
  wgsl: ROWS_WGSL + INTERFACE + KEY_VALUE,
  entry: "main",
  bindings,
  uniform: true,
};
