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
  var i = at;
  loop {
    let last = Quarter(dout[i], dout[i + 1u], dout[i + 2u], dout[i + 3u]);
    line = Line(line.q1, line.q2, line.q3, last);
    i += 4u;
    if (i == at + VECTORS) { break; }
  }
  return line;
}

fn fill_upstream(rows: ptr<function, Rows>, first: u32, at: u32) {
  for (var i = 0u; i < size.vectors; i++) { (*rows)[first + i] = dout[at + i]; }
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
  var q: Rows;
  var g: Rows;
  for (var i = 0u; i < 4u; i++) {
    let row = min(query.x + i, size.tokens - 1u);
    fill(&q, i * VECTORS, own.qkv + row * own.stride);
    fill_upstream(&g, i * VECTORS, own.o + row * own.row);
  }
  var dq: Rows;
  var key = 0u;
  loop {
    let k_at = own.qkv + own.row + key * own.stride;
    let k = load(k_at);
    let v = load(k_at + own.row);
    let s = products(&q, k);
    let d = products(&g, v);
    let ds = exp(s * size.scale - shift) * (d - less) * size.scale;
    add(&dq, ds, k);
    key++;
    if (key >= size.tokens) { break; }
  }
  for (var i = 0u; i < 4u; i++) {
    if (query.x + i < size.tokens) {
      put(own.qkv + (query.x + i) * own.stride, &dq, i * VECTORS, 1.0);
    }
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
  var k: Rows;
  var v: Rows;
  for (var i = 0u; i < 4u; i++) {
    let at = k_base + min(key + i, size.tokens - 1u) * own.stride;
    fill(&k, i * VECTORS, at);
    fill(&v, i * VECTORS, at + own.row);
  }
  var dk: Rows;
  var dv: Rows;
  var query = 0u;
  loop {
    let q = load(own.qkv + query * own.stride);
    let g = upstream(own.o + query * own.row);
    let s = products(&k, q);
    let d = products(&v, g);
    let p = exp(s * size.scale - lse[own.stats + query]);
    let ds = p * (d - delta[own.stats + query]) * size.scale;
    add(&dk, ds, q);
    add(&dv, p, g);
    query++;
    if (query >= size.tokens) { break; }
  }
  for (var i = 0u; i < 4u; i++) {
    if (key + i < size.tokens) {
      let at = k_base + (key + i) * own.stride;
      put(at, &dk, i * VECTORS, 1.0);
      put(at + own.row, &dv, i * VECTORS, 1.0);
    }
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
