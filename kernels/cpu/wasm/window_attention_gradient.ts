/// <reference path="./globals.d.ts" />
/** The gradients of attention within windows: towards qkv and the table. */

import { exp4 } from "./elementary.ts";
import { panelFloats } from "./panels.ts";
import { product } from "./product.ts";
import { addFloats, at, clearFloats, madd, share, sumLanes } from "./simd.ts";
import { packStrips, packStripsTransposed, stripFloats } from "./strips.ts";
import {
  biasKind,
  buildBiases,
  packPlain,
  packTransposed,
} from "./window_attention.ts";

/**
 * dqkv from dy, qkv, o and lse; a unit of work is a head in `chunk` windows. If
 * `sums` is not 0 it gets each unit's sum of dS, (heads, chunks, w², padded).
 */
export function windowAttentionGradient(
  dy: usize,
  qkv: usize,
  table: usize,
  o: usize,
  lse: usize,
  dqkv: usize,
  sums: usize,
  own: usize,
  ownBytes: i32,
  chunk: i32,
  batch: i32,
  size: i32,
  heads: i32,
  width: i32,
  window: i32,
  shift: i32,
  thread: i32,
  threads: i32,
): void {
  own += <usize> thread * <usize> ownBytes;
  const side = (size + window - 1) / window, windows = batch * side * side;
  const tokens = window * window, columns = width / heads;
  const padded = (tokens + 7) & ~7, matrix = tokens * padded;
  const chunks = (windows + chunk - 1) / chunk;
  const biases = at(own, 64), rest = at(biases, 4 * matrix);
  const end = share(heads * chunks, thread + 1, threads);
  let built: i32 = -1;
  for (let unit = share(heads * chunks, thread, threads); unit < end; unit++) {
    const head = unit / chunks, first = unit % chunks * chunk;
    if (head != built) {
      buildBiases(table, heads, head, window, shift, padded, biases);
      built = head;
    }
    const sum = sums ? at(sums, unit * matrix) : 0;
    if (sum) clearFloats(sum, matrix);
    for (let i = first; i < min(first + chunk, windows); i++) {
      const token = i * tokens * width, column = head * columns;
      headGradient(
        at(dy, token + column),
        at(qkv, token * 3 + column),
        at(biases, biasKind(i, side, shift) * matrix),
        at(o, token + column),
        at(lse, (i * heads + head) * tokens),
        at(dqkv, token * 3 + column),
        sum,
        own,
        rest,
        tokens,
        columns,
        width,
      );
    }
  }
}

/** One head of one window. */
function headGradient(
  dy: usize,
  q: usize,
  bias: usize,
  o: usize,
  lse: usize,
  dq: usize,
  sum: usize,
  own: usize,
  rest: usize,
  tokens: i32,
  size: i32,
  width: i32,
): void {
  const ld = <usize> width * 12, ldo = <usize> width << 2;
  const padded = (tokens + 7) & ~7, lds = <usize> padded << 2;
  const scale: f32 = 1 / sqrt<f32>(<f32> size);
  const room = max(panelFloats(size, tokens), panelFloats(tokens, size));
  const strips = at(rest, room);
  const p = at(strips, stripFloats(tokens, max(size, tokens)));
  const ds = at(p, tokens * padded);
  const k = at(q, width), v = at(q, 2 * width);
  packStrips(q, ld, tokens, size, strips);
  packTransposed(k, ld, tokens, size, rest);
  product(strips, rest, tokens, padded, size, p, lds, false, own);
  packStrips(dy, ldo, tokens, size, strips);
  packTransposed(v, ld, tokens, size, rest);
  product(strips, rest, tokens, padded, size, ds, lds, false, own);
  slopeRows(p, ds, bias, dy, o, ldo, lse, tokens, padded, size, scale);
  if (sum) addFloats(ds, sum, tokens * padded);
  const dk = at(dq, width), dv = at(dq, 2 * width);
  packStripsTransposed(p, lds, tokens, tokens, strips);
  packPlain(dy, ldo, tokens, size, rest);
  product(strips, rest, tokens, size, tokens, dv, ld, false, own);
  scaleFloats(ds, tokens * padded, scale);
  packStrips(ds, lds, tokens, tokens, strips);
  packPlain(k, ld, tokens, size, rest);
  product(strips, rest, tokens, size, tokens, dq, ld, false, own);
  packStripsTransposed(ds, lds, tokens, tokens, strips);
  packPlain(q, ld, tokens, size, rest);
  product(strips, rest, tokens, size, tokens, dk, ld, false, own);
}

/** Scores and dP to P = exp(scale·s + bias - lse) and dS = P·(dP - Σ do·o). */
function slopeRows(
  p: usize,
  ds: usize,
  bias: usize,
  dy: usize,
  o: usize,
  ldo: usize,
  lse: usize,
  tokens: i32,
  padded: i32,
  size: i32,
  scale: f32,
): void {
  const factor = f32x4.splat(scale);
  for (let i: i32 = 0; i < tokens; i++) {
    const center = v128.load32_splat(at(lse, i));
    let dot = f32x4.splat(0);
    for (let j: i32 = 0; j < size; j += 4) {
      dot = madd(v128.load(at(dy, j)), v128.load(at(o, j)), dot);
    }
    const delta = f32x4.splat(sumLanes(dot));
    for (let j: i32 = 0; j < padded; j += 4) {
      const scaled = f32x4.mul(v128.load(at(p, j)), factor);
      const score = f32x4.add(scaled, v128.load(at(bias, j)));
      const value = exp4(f32x4.sub(score, center));
      const slope = f32x4.sub(v128.load(at(ds, j)), delta);
      v128.store(at(p, j), value);
      v128.store(at(ds, j), f32x4.mul(value, slope));
    }
    p = at(p, padded);
    ds = at(ds, padded);
    bias = at(bias, padded);
    dy += ldo;
    o += ldo;
  }
}

/** x *= factor; `count` is a multiple of 4. */
function scaleFloats(x: usize, count: i32, factor: f32): void {
  for (let i: i32 = 0; i < count; i += 4) {
    const value = f32x4.mul(v128.load(at(x, i)), f32x4.splat(factor));
    v128.store(at(x, i), value);
  }
}

/** dtable ((2w-1)², H) from the sums of dS; each thread has heads. */
export function windowTableGradient(
  sums: usize,
  dtable: usize,
  own: usize,
  ownBytes: i32,
  chunks: i32,
  heads: i32,
  window: i32,
  thread: i32,
  threads: i32,
): void {
  const total = own + <usize> thread * <usize> ownBytes;
  const tokens = window * window, padded = (tokens + 7) & ~7;
  const matrix = tokens * padded, side = 2 * window - 1;
  const end = share(heads, thread + 1, threads);
  for (let head = share(heads, thread, threads); head < end; head++) {
    clearFloats(total, matrix);
    for (let c: i32 = 0; c < chunks; c++) {
      addFloats(at(sums, (head * chunks + c) * matrix), total, matrix);
    }
    for (let i: i32 = 0; i < side * side; i++) {
      const down = i / side - window + 1, right = i % side - window + 1;
      let sum: f32 = 0;
      for (let ki = max(0, 0 - down); ki < min(window, window - down); ki++) {
        const first = max(0, 0 - right), stop = min(window, window - right);
        for (let kj = first; kj < stop; kj++) {
          const query = (ki + down) * window + kj + right;
          sum += load<f32>(at(total, query * padded + ki * window + kj));
        }
      }
      store<f32>(at(dtable, i * heads + head), sum);
    }
  }
}
