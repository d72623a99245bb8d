/**
 * Attention for software adapters: four queries an invocation, no barriers.
 *
 * llvmpipe loads every lane's number on its own, so few loads a product are
 * what makes it fast: a key and a value are loaded once for four queries, which
 * stay with their sums in the invocation.
 *
 * Formulas and shapes as in attention.ts, for heads of 64 columns. Bindings: qkv,
 * o, lse, size. Dispatch: 8 invocations a workgroup, each for four queries of a
 * head. Two keys a turn with a running maximum and sum; accumulates in f32.
 *
 * @module
 */
import type { AttentionSizes } from "./attention.ts";
import { floatBits } from "./matmul_common.ts";
import { flatGrid, type Grid, type Shader } from "./kernel.ts";

/**
 * WGSL of four rows in quarters of 64 columns; what they are loaded from and
 * stored to, `qkv` and `result`, and `size` are bound elsewhere.
 */
export const ROWS_WGSL: string = /* wgsl */ `
const VECTORS = 16u;

// Tiles of four rows in a head, and those of all heads and images.
struct Size { tiles: u32, items: u32, tokens: u32, heads: u32, scale: f32 }

struct Quarter { v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f }
struct Rows { r0: Quarter, r1: Quarter, r2: Quarter, r3: Quarter }

// A row in quarters.
struct Line { q0: Quarter, q1: Quarter, q2: Quarter, q3: Quarter }

// Loads are most of what is compiled, so a loop makes them for all quarters:
// written out for each, the kernels take four times as long to compile.
fn load(at: u32) -> Line {
  var line: Line;
  for (var i = at; i < at + VECTORS; i += 4u) {
    let last = Quarter(qkv[i], qkv[i + 1u], qkv[i + 2u], qkv[i + 3u]);
    line = Line(line.q1, line.q2, line.q3, last);
  }
  return line;
}

// Rows come and go at the end of a loop, for the same reason.
fn shifted(rows: Rows, last: Quarter) -> Rows {
  return Rows(rows.r1, rows.r2, rows.r3, last);
}

fn product(a: Quarter, b: Quarter) -> f32 {
  let v = a.v0 * b.v0 + a.v1 * b.v1 + a.v2 * b.v2 + a.v3 * b.v3;
  return (v.x + v.y) + (v.z + v.w);
}

fn products(rows: Rows, b: Quarter) -> vec4f {
  return vec4f(
    product(rows.r0, b), product(rows.r1, b),
    product(rows.r2, b), product(rows.r3, b));
}

fn plus(sum: Quarter, w: f32, v: Quarter) -> Quarter {
  return Quarter(
    sum.v0 + w * v.v0, sum.v1 + w * v.v1,
    sum.v2 + w * v.v2, sum.v3 + w * v.v3);
}

fn add(sums: Rows, w: vec4f, v: Quarter) -> Rows {
  return Rows(
    plus(sums.r0, w.x, v), plus(sums.r1, w.y, v),
    plus(sums.r2, w.z, v), plus(sums.r3, w.w, v));
}

fn put(at: u32, row: Line) {
  var line = row;
  for (var i = at; i < at + VECTORS; i += 4u) {
    result[i] = line.q0.v0;
    result[i + 1u] = line.q0.v1;
    result[i + 2u] = line.q0.v2;
    result[i + 3u] = line.q0.v3;
    line = Line(line.q1, line.q2, line.q3, line.q3);
  }
}

// Where a head of an image begins in qkv, in o and in the statistics of its
// rows, and the vectors of a row of o and of qkv.
struct Own { qkv: u32, o: u32, stats: u32, row: u32, stride: u32 }

fn own_of(item: u32) -> Own {
  let head = item / size.tiles % size.heads;
  let image = item / size.tiles / size.heads;
  let row = size.heads * VECTORS;
  let o = image * size.tokens * row + head * VECTORS;
  let qkv = image * size.tokens * 3u * row + head * VECTORS;
  let stats = (image * size.heads + head) * size.tokens;
  return Own(qkv, o, stats, row, 3u * row);
}
`;

const WGSL = /* wgsl */ `
override HAS_LSE: bool;

@group(0) @binding(0) var<storage, read_write> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> lse: array<f32>;
@group(0) @binding(3) var<uniform> size: Size;

const LOWEST = -3.0e38;

fn scaled(v: Quarter, by: f32) -> Quarter {
  return Quarter(v.v0 * by, v.v1 * by, v.v2 * by, v.v3 * by);
}

fn scale(rows: Rows, by: vec4f) -> Rows {
  return Rows(
    scaled(rows.r0, by.x), scaled(rows.r1, by.y),
    scaled(rows.r2, by.z), scaled(rows.r3, by.w));
}

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
  var q0: Rows; var q1: Rows; var q2: Rows; var q3: Rows;
  for (var i = 0u; i < 4u; i++) {
    let q =
      load(own.qkv + min(query.x + i, size.tokens - 1u) * own.stride);
    q0 = shifted(q0, q.q0);
    q1 = shifted(q1, q.q1);
    q2 = shifted(q2, q.q2);
    q3 = shifted(q3, q.q3);
  }
  var o0: Rows; var o1: Rows; var o2: Rows; var o3: Rows;
  var most = vec4f(LOWEST);
  var sum = vec4f(0.0);
  for (var key = 0u; key < size.tokens; key += 2u) {
    let at = own.qkv + own.row + key * own.stride;
    let next = own.qkv + own.row + min(key + 1u, size.tokens - 1u) * own.stride;
    let k = load(at);
    let l = load(next);
    var s = products(q0, k.q0) + products(q1, k.q1) + products(q2, k.q2) +
      products(q3, k.q3);
    var t = products(q0, l.q0) + products(q1, l.q1) + products(q2, l.q2) +
      products(q3, l.q3);
    s *= size.scale;
    t = select(vec4f(LOWEST), t * size.scale, key + 1u < size.tokens);
    let highest = max(most, max(s, t));
    let by = exp(most - highest);
    s = exp(s - highest);
    t = exp(t - highest);
    most = highest;
    sum = sum * by + (s + t);
    let v = load(at + own.row);
    let w = load(next + own.row);
    o0 = add(add(scale(o0, by), s, v.q0), t, w.q0);
    o1 = add(add(scale(o1, by), s, v.q1), t, w.q1);
    o2 = add(add(scale(o2, by), s, v.q2), t, w.q2);
    o3 = add(add(scale(o3, by), s, v.q3), t, w.q3);
  }
  var share = 1.0 / sum;
  for (var i = 0u; i < 4u; i++) {
    if (query.x + i < size.tokens) {
      let at = own.o + (query.x + i) * own.row;
      put(at, Line(
        scaled(o0.r0, share.x), scaled(o1.r0, share.x),
        scaled(o2.r0, share.x), scaled(o3.r0, share.x)));
    }
    o0 = shifted(o0, o0.r0);
    o1 = shifted(o1, o1.r0);
    o2 = shifted(o2, o2.r0);
    o3 = shifted(o3, o3.r0);
    share = share.yzwx;
  }
  if (HAS_LSE) {
    let place = own.stats + query.x;
    let value = most + log(sum);
    let inside = query < vec4u(size.tokens);
    if (inside.x) { lse[place] = value.x; }
    if (inside.y) { lse[place + 1u] = value.y; }
    if (inside.z) { lse[place + 2u] = value.z; }
    if (inside.w) { lse[place + 3u] = value.w; }
  }
}
`;

/** Attention, four queries an invocation. */
export const attentionRowsShader: Shader = {
  name: "attention_rows",
  wgsl: ROWS_WGSL + WGSL,
  entry: "main",
  bindings: ["qkv", "o", "lse"],
  uniform: true,
};

/**
 * Numbers that attention multiplies before these kernels are worth their
 * compilation: some seconds of a processor, where no disk cache has them.
 */
const ENOUGH = 2 ** 23;

/** Whether these kernels are the ones for an adapter and some sizes. */
export function suitsRows(
  software: boolean,
  { batch, tokens, heads, columns }: AttentionSizes,
): boolean {
  const work = batch * heads * tokens ** 2 * columns;
  return software && columns === 64 && work >= ENOUGH;
}

/** What the dispatches of these kernels share. */
export function rowsDispatch(
  { batch, tokens, heads, scale }: AttentionSizes,
): {
  grid: Grid;
  uniform: readonly number[];
} {
  const tiles = Math.ceil(tokens / 4);
  const items = batch * heads * tiles;
  return {
    grid: flatGrid(Math.ceil(items / 8)),
    uniform: [tiles, items, tokens, heads, floatBits(scale)],
  };
}
