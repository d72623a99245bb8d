/**
 * What a worker thread does with a BLAS library.
 *
 * @module
 */

import type { BLAS_SYMBOLS } from "./blas_symbols.ts";
import type { blasAttentionEntries } from "./blas_attention.ts";

/** An entry of a phase. */
export type Entry = (...args: number[]) => void;

/**
 * The phases that call BLAS, by name.
 *
 * Like the body of the worker this runs from its own text, and refers to
 * nothing outside itself.
 *
 * @param gate The address where threads are counted in and out.
 */
export function blasEntries(
  declared: typeof BLAS_SYMBOLS,
  attention: typeof blasAttentionEntries,
  gate: number,
  path: string,
  memory: WebAssembly.Memory,
  exports: WebAssembly.Exports,
): Record<string, Entry> {
  const { symbols } = Deno.dlopen(path, declared);
  const [rowMajor, plain, transposed] = [101, 111, 112];
  // Deno takes addresses as numbers too, which is faster than making bigints.
  const dnnl = symbols.dnnl_sgemm as unknown as Entry | null;
  const sgemm = dnnl
    ? likeCblas(dnnl)
    : symbols.cblas_sgemm as unknown as Entry;
  // The engine's own threads do the work; MKL calls its sequential layer 1.
  symbols.openblas_set_num_threads?.(1);
  symbols.bli_thread_set_num_threads?.(1n);
  symbols.MKL_Set_Threading_Layer?.(1);
  symbols.omp_set_num_threads?.(1);
  const view = new Uint8Array(memory.buffer);
  // Shared memory grows in place.
  const base = Number(symbols.addressOf(view, view, 0n));
  const epilogue = exports.epilogue as Entry;
  const prefill = exports.prefill as Entry;
  const words = new Int32Array(memory.buffer, gate, 1);

  /** oneDNN's product, which reads rows only, called as the others are. */
  function likeCblas(dnnl: Entry): Entry {
    // deno-fmt-ignore
    return (_order, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) =>
      dnnl(
        transA === transposed ? 84 : 78, transB === transposed ? 84 : 78,
        m, n, k, alpha, a, lda, b, ldb, beta, c, ldc,
      );
  }

  /** Whether the library is still open to calls; `leave` follows in any case. */
  function enter(): boolean {
    return Atomics.add(words, 0, 1) >= 0;
  }

  function leave(): void {
    if (Atomics.sub(words, 0, 1) < 0) Atomics.notify(words, 0);
  }

  /** Where a thread's part begins: on a whole cache line of results. */
  function share(size: number, thread: number, threads: number): number {
    const lines = Math.ceil(size / 16);
    return Math.min(Math.floor(lines * thread / threads) * 16, size);
  }

  /**
   * Each thread makes a part of the rows or of the columns, whichever are more.
   *
   * What is only added is there before the product, which BLAS then adds: it
   * would fill the result with zeros otherwise.
   */
  function blasMultiply(
    a: number,
    b: number,
    bias: number,
    residual: number,
    y: number,
    pre: number,
    transA: number,
    transB: number,
    m: number,
    n: number,
    k: number,
    alpha: number,
    activation: number,
    thread: number,
    threads: number,
  ): void {
    const byRows = m >= n;
    const size = byRows ? m : n;
    const start = share(size, thread, threads);
    const length = share(size, thread + 1, threads) - start;
    if (length === 0) return;
    const [i, j] = byRows ? [start, 0] : [0, start];
    const [rows, columns] = byRows ? [length, n] : [m, length];
    const cell = 4 * (i * n + j);
    const to = y + cell;
    const shift = bias && bias + 4 * j;
    const more = residual && residual + cell;
    const before = !activation && !pre && (bias !== 0 || residual !== 0);
    if (before) prefill(to, shift, more, rows, columns, 4 * n);
    // deno-fmt-ignore
    if (enter()) sgemm(
      rowMajor, transA ? transposed : plain, transB ? transposed : plain,
      rows, columns, k,
      alpha, base + a + 4 * (transA ? i : i * k), transA ? m : k,
      base + b + 4 * (transB ? j * k : j), transB ? k : n,
      before ? 1 : 0, base + to, n,
    );
    leave();
    if (before) return;
    const p = pre && pre + cell;
    epilogue(to, p, shift, more, rows, columns, 4 * n, 1, activation);
  }

  /** Each thread multiplies a chunk of k into a matrix of its own. */
  function blasChunks(
    a: number,
    b: number,
    partials: number,
    transA: number,
    transB: number,
    m: number,
    n: number,
    k: number,
    chunk: number,
    thread: number,
  ): void {
    const start = thread * chunk;
    if (start >= k) return;
    // deno-fmt-ignore
    if (enter()) sgemm(
      rowMajor, transA ? transposed : plain, transB ? transposed : plain,
      m, n, Math.min(chunk, k - start),
      1, base + a + 4 * (transA ? start * m : start), transA ? m : k,
      base + b + 4 * (transB ? start : start * n), transB ? k : n,
      0, base + partials + 4 * thread * m * n, n,
    );
    leave();
  }

  const more = attention({ sgemm, base, enter, leave }, exports);
  return { blasMultiply, blasChunks, ...more };
}
