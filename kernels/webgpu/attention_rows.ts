/**
 * Attention for software adapters: four queries an invocation, no barriers.
 *
 * llvmpipe loads every lane's number on its own, so few loads a product are
 * what makes it fast: a key and a value are loaded once for four queries, which
 * stay with their sums in the invocation.
 *
 * Formulas and shapes as in attention.ts, for heads of 64 columns. Bindings: qkv,
 * o, lse, size. Dispatch: 8 invocations a workgroup, each for four queries of a
 * head. Four keys a turn with a running maximum and sum; accumulates in f32.
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

struct Size {
  // Tiles of four rows in a head, and those of all heads and images.
  tiles: u32, items: u32,
  tokens: u32, heads: u32,
  scale: f32,
  // VECTORS, for loops that nothing should unroll.
  vectors: u32,
}

struct Quarter { v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f }

// Four rows, in memory: as values that live through loops, where every load
// makes branches, they would be most of what takes long to compile.
alias Rows = array<vec4f, 64>;

// A row in quarters.
struct Line { q0: Quarter, q1: Quarter, q2: Quarter, q3: Quarter }

// Loads are most of what is compiled, so a loop makes them for all quarters:
// written out for each, the kernels take four times as long to compile. Loops
// are left at their end: llvmpipe goes on to the end of a turn without lanes.
fn load(at: u32) -> Line {
  var line: Line;
  var i = at;
  loop {
    let last = Quarter(qkv[i], qkv[i + 1u], qkv[i + 2u], qkv[i + 3u]);
    line = Line(line.q1, line.q2, line.q3, last);
    i += 4u;
    if (i == at + VECTORS) { break; }
  }
  return line;
}

fn product(a: Quarter, b: Quarter) -> f32 {
  let v = a.v0 * b.v0 + a.v1 * b.v1 + a.v2 * b.v2 + a.v3 * b.v3;
  return (v.x + v.y) + (v.z + v.w);
}

fn quarter(rows: ptr<function, Rows>, at: u32) -> Quarter {
  return Quarter(
    (*rows)[at], (*rows)[at + 1u], (*rows)[at + 2u], (*rows)[at + 3u]);
}

fn quarter_products(rows: ptr<function, Rows>, at: u32, b: Quarter) -> vec4f {
  return vec4f(
    product(quarter(rows, at), b),
    product(quarter(rows, at + VECTORS), b),
    product(quarter(rows, at + 2u * VECTORS), b),
    product(quarter(rows, at + 3u * VECTORS), b),
  );
}

fn products(rows: ptr<function, Rows>, b: Line) -> vec4f {
  return quarter_products(rows, 0u, b.q0) + quarter_products(rows, 4u, b.q1) +
    quarter_products(rows, 8u, b.q2) + quarter_products(rows, 12u, b.q3);
}

fn add_quarter(sums: ptr<function, Rows>, at: u32, w: f32, v: Quarter) {
  (*sums)[at] += w * v.v0;
  (*sums)[at + 1u] += w * v.v1;
  (*sums)[at + 2u] += w * v.v2;
  (*sums)[at + 3u] += w * v.v3;
}

fn add_row(sums: ptr<function, Rows>, at: u32, w: f32, v: Line) {
  add_quarter(sums, at, w, v.q0);
  add_quarter(sums, at + 4u, w, v.q1);
  add_quarter(sums, at + 8u, w, v.q2);
  add_quarter(sums, at + 12u, w, v.q3);
}

fn add(sums: ptr<function, Rows>, w: vec4f, v: Line) {
  add_row(sums, 0u, w.x, v);
  add_row(sums, VECTORS, w.y, v);
  add_row(sums, 2u * VECTORS, w.z, v);
  add_row(sums, 3u * VECTORS, w.w, v);
}

fn fill(rows: ptr<function, Rows>, first: u32, at: u32) {
  for (var i = 0u; i < size.vectors; i++) { (*rows)[first + i] = qkv[at + i]; }
}

fn put(at: u32, rows: ptr<function, Rows>, first: u32, by: f32) {
  for (var i = 0u; i < size.vectors; i++) {
    result[at + i] = by * (*rows)[first + i];
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

fn scale_quarter(rows: ptr<function, Rows>, at: u32, by: f32) {
  (*rows)[at] *= by;
  (*rows)[at + 1u] *= by;
  (*rows)[at + 2u] *= by;
  (*rows)[at + 3u] *= by;
}

fn scale_row(rows: ptr<function, Rows>, at: u32, by: f32) {
  scale_quarter(rows, at, by);
  scale_quarter(rows, at + 4u, by);
  scale_quarter(rows, at + 8u, by);
  scale_quarter(rows, at + 12u, by);
}

fn scale(rows: ptr<function, Rows>, by: vec4f) {
  scale_row(rows, 0u, by.x);
  scale_row(rows, VECTORS, by.y);
  scale_row(rows, 2u * VECTORS, by.z);
  scale_row(rows, 3u * VECTORS, by.w);
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
  var q: Rows;
  for (var i = 0u; i < 4u; i++) {
    let row = min(query.x + i, size.tokens - 1u);
    fill(&q, i * VECTORS, own.qkv + row * own.stride);
  }
  var o: Rows;
  var most = vec4f(LOWEST);
  var sum = vec4f(0.0);
  let k_base = own.qkv + own.row;
  let v_base = k_base + own.row;
  var first = 0u;
  loop {
    // Four keys a turn, of the last turn as many as there are: their products
    // with the queries, the last key's in the last.
    let end = min(first + 4u, size.tokens);
    var w0 = vec4f(LOWEST); var w1 = vec4f(LOWEST);
    var w2 = vec4f(LOWEST); var w3 = vec4f(LOWEST);
    var key = first;
    loop {
      let k = load(k_base + key * own.stride);
      let s = products(&q, k);
      w0 = w1; w1 = w2; w2 = w3;
      w3 = s * size.scale;
      key++;
      if (key == end) { break; }
    }
    let highest = max(most, max(max(w0, w1), max(w2, w3)));
    let by = exp(most - highest);
    w0 = exp(w0 - highest); w1 = exp(w1 - highest);
    w2 = exp(w2 - highest); w3 = exp(w3 - highest);
    most = highest;
    sum = sum * by + ((w0 + w1) + (w2 + w3));
    scale(&o, by);
    loop {
      key--;
      let v = load(v_base + key * own.stride);
      add(&o, w3, v);
      w3 = w2; w2 = w1; w1 = w0;
      if (key == first) { break; }
    }
    first = end;
    if (first == size.tokens) { break; }
  }
  var share = 1.0 / sum;
  for (var i = 0u; i < 4u; i++) {
    if (query.x + i < size.tokens) {
      put(own.o + (query.x + i) * own.row, &o, i * VECTORS, share.x);
    }
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

/** Vectors of four in a row of a head. */
const VECTORS = 16;

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
    uniform: [tiles, items, tokens, heads, floatBits(scale), VECTORS],
  };
}
