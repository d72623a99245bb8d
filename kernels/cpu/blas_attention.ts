/**
 * Attention with the products of a BLAS library.
 *
 * @module
 */

import type { Entry } from "./blas_worker.ts";

/** How a worker calls the library. */
export interface BlasCalls {
  readonly sgemm: Entry;
  /** What the library adds to an address in the engine's memory. */
  readonly base: number;
  /** Whether the library is still open to calls; `leave` follows in any case. */
  enter(): boolean;
  leave(): void;
}

/**
 * The phases of attention that call BLAS, by name.
 *
 * Like the body of the worker this runs from its own text, and refers to
 * nothing outside itself.
 *
 * Threads take (image, head) pairs; scores lie in rows of `ld` floats, `most`
 * queries at a time. Operands are read where they are.
 */
export function blasAttentionEntries(
  { sgemm, base, enter, leave }: BlasCalls,
  exports: WebAssembly.Exports,
): Record<string, Entry> {
  const take = exports.take as () => number;
  const softmaxRows = exports.softmaxRows as Entry;
  const slopeRows = exports.slopeRows as Entry;
  const [rowMajor, plain, transposed] = [101, 111, 112];

  function blasAttention(
    qkv: number,
    o: number,
    lse: number,
    own: number,
    ownBytes: number,
    most: number,
    ld: number,
    batch: number,
    tokens: number,
    heads: number,
    width: number,
    thread: number,
  ): void {
    const [size, wide] = [width / heads, 3 * width];
    const scores = own + thread * ownBytes;
    for (let i = take(); i < batch * heads; i = take()) {
      const head = i % heads, token = (i - head) / heads * tokens;
      const keys = base + qkv + 4 * (token * wide + width + head * size);
      const open = enter();
      for (let t = 0; open && t < tokens; t += most) {
        const rows = Math.min(tokens - t, most);
        const q = keys - 4 * width + 4 * t * wide;
        const y = base + o + 4 * ((token + t) * width + head * size);
        // deno-fmt-ignore
        sgemm(rowMajor, plain, transposed, rows, tokens, size,
          1, q, wide, keys, wide, 0, base + scores, ld);
        const logs = lse && lse + 4 * (i * tokens + t);
        softmaxRows(scores, 4 * ld, rows, tokens, 1 / Math.sqrt(size), logs);
        // deno-fmt-ignore
        sgemm(rowMajor, plain, plain, rows, size, tokens,
          1, base + scores, ld, keys + 4 * width, wide, 0, y, width);
      }
      leave();
    }
  }

  function blasAttentionGradient(
    dy: number,
    qkv: number,
    o: number,
    lse: number,
    dqkv: number,
    own: number,
    ownBytes: number,
    most: number,
    ld: number,
    batch: number,
    tokens: number,
    heads: number,
    width: number,
    thread: number,
  ): void {
    const [size, wide] = [width / heads, 3 * width];
    const p = own + thread * ownBytes, ds = p + 4 * most * ld;
    const [scores, slopes] = [base + p, base + ds];
    for (let i = take(); i < batch * heads; i = take()) {
      const head = i % heads, token = (i - head) / heads * tokens;
      const first = 4 * (token * wide + width + head * size);
      const keys = base + qkv + first, dkeys = base + dqkv + first;
      const values = keys + 4 * width, dvalues = dkeys + 4 * width;
      const open = enter();
      for (let t = 0; open && t < tokens; t += most) {
        const rows = Math.min(tokens - t, most);
        const back = 4 * (t * wide - width);
        const cell = 4 * ((token + t) * width + head * size);
        const q = keys + back, slope = base + dy + cell, add = t > 0 ? 1 : 0;
        // deno-fmt-ignore
        sgemm(rowMajor, plain, transposed, rows, tokens, size,
          1, q, wide, keys, wide, 0, scores, ld);
        // deno-fmt-ignore
        sgemm(rowMajor, plain, transposed, rows, tokens, size,
          1, slope, width, values, wide, 0, slopes, ld);
        const logs = lse + 4 * (i * tokens + t);
        // deno-fmt-ignore
        slopeRows(p, ds, 4 * ld, dy + cell, o + cell, 4 * width, logs, rows,
          size, 1 / Math.sqrt(size));
        // deno-fmt-ignore
        sgemm(rowMajor, plain, plain, rows, size, tokens,
          1, slopes, ld, keys, wide, 0, dkeys + back, wide);
        // deno-fmt-ignore
        sgemm(rowMajor, transposed, plain, tokens, size, rows,
          1, slopes, ld, q, wide, add, dkeys, wide);
        // deno-fmt-ignore
        sgemm(rowMajor, transposed, plain, tokens, size, rows,
          1, scores, ld, slope, width, add, dvalues, wide);
      }
      leave();
    }
  }

  return { blasAttention, blasAttentionGradient };
}
