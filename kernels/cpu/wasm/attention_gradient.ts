/// <reference path="./globals.d.ts" />
/** The gradient of attention; probabilities are made anew from lse. */

import { packPlain, packTransposed, QUERIES } from "./attention.ts";
import { panelFloats, transposeBlock } from "./panels.ts";
import { product } from "./product.ts";
import { at, madd, share, sumLanes } from "./simd.ts";
import { rowExp } from "./softmax.ts";

/** dqkv (B, T, 3d) from do (B, T, d), qkv, o and lse (B, H, T). */
export function attentionGradient(
  dy: usize,
  qkv: usize,
  o: usize,
  lse: usize,
  dqkv: usize,
  own: usize,
  ownBytes: i32,
  batch: i32,
  tokens: i32,
  heads: i32,
  width: i32,
  thread: i32,
  threads: i32,
): void {
  own += <usize> thread * <usize> ownBytes;
  const size = width / heads;
  const end = share(batch * heads, thread + 1, threads);
  for (let i = share(batch * heads, thread, threads); i < end; i++) {
    const image = i / heads, head = i % heads;
    const token = image * tokens * width, column = head * size;
    headGradient(
      at(dy, token + column),
      at(qkv, token * 3 + column),
      at(o, token + column),
      at(lse, i * tokens),
      at(dqkv, token * 3 + column),
      own,
      tokens,
      size,
      width,
    );
  }
}

/** One head of one image. */
function headGradient(
  dy: usize,
  q: usize,
  o: usize,
  lse: usize,
  dq: usize,
  own: usize,
  tokens: i32,
  size: i32,
  width: i32,
): void {
  const ld = <usize> width * 12, ldo = <usize> width << 2;
  const padded = (tokens + 7) & ~7;
  const lds = <usize> padded << 2;
  const scale: f32 = 1 / sqrt<f32>(<f32> size);
  const keys = own + 256;
  const values = at(keys, panelFloats(size, tokens));
  const plainKeys = at(values, panelFloats(size, tokens));
  const p = at(plainKeys, panelFloats(tokens, size));
  const ds = at(p, QUERIES * padded);
  const rest = at(ds, QUERIES * padded);
  packTransposed(at(q, width), ld, tokens, size, keys);
  packTransposed(at(q, 2 * width), ld, tokens, size, values);
  packPlain(at(q, width), ld, tokens, size, plainKeys);
  for (let t: i32 = 0; t < tokens; t += QUERIES) {
    const rows = min(tokens - t, QUERIES);
    const add = t > 0;
    const queries = q + <usize> t * ld, slopes = dy + <usize> t * ldo;
    product(queries, ld, keys, rows, padded, size, p, lds, false, own);
    product(slopes, ldo, values, rows, padded, size, ds, lds, false, own);
    const result = o + <usize> t * ldo;
    // deno-fmt-ignore
    slopeRows(p, ds, lds, slopes, result, ldo, at(lse, t), rows, tokens, size, scale);
    const to = dq + <usize> t * ld;
    product(ds, lds, plainKeys, rows, size, tokens, to, ld, false, own);
    const dk = at(dq, width), dv = at(dq, 2 * width);
    // deno-fmt-ignore
    addTransposed(ds, lds, queries, ld, rows, tokens, size, dk, ld, add, rest, own);
    // deno-fmt-ignore
    addTransposed(p, lds, slopes, ldo, rows, tokens, size, dv, ld, add, rest, own);
  }
}

/** Scores and dP of a block to P and dS = P·(dP - Σ do·o)·scale. */
function slopeRows(
  p: usize,
  ds: usize,
  lds: usize,
  dy: usize,
  o: usize,
  ldo: usize,
  lse: usize,
  rows: i32,
  tokens: i32,
  size: i32,
  scale: f32,
): void {
  for (let i: i32 = 0; i < rows; i++) {
    const delta = dot(dy, o, size);
    rowExp(p, p, tokens, scale, load<f32>(at(lse, i)) / scale);
    let j: i32 = 0;
    for (; j + 4 <= tokens; j += 4) {
      const shifted = f32x4.sub(v128.load(at(ds, j)), f32x4.splat(delta));
      const weight = f32x4.mul(v128.load(at(p, j)), f32x4.splat(scale));
      v128.store(at(ds, j), f32x4.mul(shifted, weight));
    }
    for (; j < tokens; j++) {
      const shifted = load<f32>(at(ds, j)) - delta;
      store<f32>(at(ds, j), shifted * (load<f32>(at(p, j)) * scale));
    }
    p += lds;
    ds += lds;
    dy += ldo;
    o += ldo;
  }
}

/** Σ a·b over `n` floats. */
function dot(a: usize, b: usize, n: i32): f32 {
  let sum = f32x4.splat(0);
  let j: i32 = 0;
  for (; j + 4 <= n; j += 4) {
    sum = madd(v128.load(at(a, j)), v128.load(at(b, j)), sum);
  }
  let rest: f32 = 0;
  for (; j < n; j++) rest += load<f32>(at(a, j)) * load<f32>(at(b, j));
  return sumLanes(sum) + rest;
}

/** y (tokens, size) = (or +=) Aᵀ·B of a block: A (rows, tokens), B (rows, size). */
function addTransposed(
  a: usize,
  lda: usize,
  b: usize,
  ldb: usize,
  rows: i32,
  tokens: i32,
  size: i32,
  y: usize,
  ldy: usize,
  accumulate: bool,
  rest: usize,
  own: usize,
): void {
  const panels = at(rest, QUERIES * tokens);
  const ldr = <usize> rows << 2;
  transposeBlock(a, lda, tokens, rows, rest, ldr);
  packPlain(b, ldb, rows, size, panels);
  // deno-fmt-ignore
  product(rest, ldr, panels, tokens, size, rows, y, ldy, accumulate, own);
}
