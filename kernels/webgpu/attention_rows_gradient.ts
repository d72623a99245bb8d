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

fn upstream(at: u32) -> Line {
  var line: Line;
  for (var i = at; i < at + VECTORS; i += 4u) {
    let last = Quarter(dout[i], dout[i + 1u], dout[i + 2u], dout[i + 3u]);
    line = Line(line.q1, line.q2, line.q3, last);
  }
  return line;
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
    let q = load(own.qkv + row * own.stride);
    let g = upstream(own.o + row * own.row);
    q0 = shifted(q0, q.q0);
    g0 = shifted(g0, g.q0);
    q1 = shifted(q1, q.q1);
    g1 = shifted(g1, g.q1);
    q2 = shifted(q2, q.q2);
    g2 = shifted(g2, g.q2);
    q3 = shifted(q3, q.q3);
    g3 = shifted(g3, g.q3);
  }
  var d0: Rows; var d1: Rows; var d2: Rows; var d3: Rows;
  for (var key = 0u; key < size.tokens; key++) {
    let k_at = own.qkv + own.row + key * own.stride;
    let k = load(k_at);
    let v = load(k_at + own.row);
    let s = products(q0, k.q0) + products(q1, k.q1) + products(q2, k.q2) +
      products(q3, k.q3);
    let d = products(g0, v.q0) + products(g1, v.q1) + products(g2, v.q2) +
      products(g3, v.q3);
    let ds = exp(s * size.scale - shift) * (d - less) * size.scale;
    d0 = add(d0, ds, k.q0);
    d1 = add(d1, ds, k.q1);
    d2 = add(d2, ds, k.q2);
    d3 = add(d3, ds, k.q3);
  }
  for (var i = 0u; i < 4u; i++) {
    if (query.x + i < size.tokens) {
      let at = own.qkv + (query.x + i) * own.stride;
      put(at, Line(d0.r0, d1.r0, d2.r0, d3.r0));
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
    let k = load(at);
    let v = load(at + own.row);
    k0 = shifted(k0, k.q0);
    v0 = shifted(v0, v.q0);
    k1 = shifted(k1, k.q1);
    v1 = shifted(v1, v.q1);
    k2 = shifted(k2, k.q2);
    v2 = shifted(v2, v.q2);
    k3 = shifted(k3, k.q3);
    v3 = shifted(v3, v.q3);
  }
  var a0: Rows; var a1: Rows; var a2: Rows; var a3: Rows;
  var b0: Rows; var b1: Rows; var b2: Rows; var b3: Rows;
  for (var query = 0u; query < size.tokens; query++) {
    let q = load(own.qkv + query * own.stride);
    let g = upstream(own.o + query * own.row);
    let s = products(k0, q.q0) + products(k1, q.q1) + products(k2, q.q2) +
      products(k3, q.q3);
    let d = products(v0, g.q0) + products(v1, g.q1) + products(v2, g.q2) +
      products(v3, g.q3);
    let p = exp(s * size.scale - lse[own.stats + query]);
    let ds = p * (d - delta[own.stats + query]) * size.scale;
    a0 = add(a0, ds, q.q0); b0 = add(b0, p, g.q0);
    a1 = add(a1, ds, q.q1); b1 = add(b1, p, g.q1);
    a2 = add(a2, ds, q.q2); b2 = add(b2, p, g.q2);
    a3 = add(a3, ds, q.q3); b3 = add(b3, p, g.q3);
  }
  for (var i = 0u; i < 4u; i++) {
    if (key + i < size.tokens) {
      let at = k_base + (key + i) * own.stride;
      put(at, Line(a0.r0, a1.r0, a2.r0, a3.r0));
      put(at + own.row, Line(b0.r0, b1.r0, b2.r0, b3.r0));
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
