/**
 * What a worker thread does with a BLAS library.
 *
 * @module
 */

import type { BLAS_SYMBOLS } from "./blas.ts";

/** An entry of a phase. */
export type Entry = (...args: number[]) => void;

/**
 * The phases that call BLAS, by name.
 *
 * Like the body of the worker this runs from its own text, and refers to
 * nothing outside itself.
 *
 * Each thread has a part of the rows or of the columns of the result, makes it
 * with calls of its own on the engine's memory, and finishes it there.
 */
export function blasEntries(
  declared: typeof BLAS_SYMBOLS,
  path: string,
  memory: WebAssembly.Memory,
  exports: WebAssembly.Exports,
): Record<string, Entry> {
  const { symbols } = Deno.dlopen(path, declared);
  // Deno takes addresses as numbers too, which is faster than making bigints.
  const sgemm = symbols.cblas_sgemm as unknown as Entry;
  // The engine's own threads do the work; MKL calls its sequential layer 1.
  symbols.openblas_set_num_threads?.(1);
  symbols.bli_thread_set_num_threads?.(1n);
  symbols.MKL_Set_Threading_Layer?.(1);
  const view = new Uint8Array(memory.buffer);
  // Shared memory grows in place.
  const base = Number(symbols.addressOf(view, view, 0n));
  const epilogue = exports.epilogue as Entry;
  const [rowMajor, plain, transposed] = [101, 111, 112];

  /** The part of a thread, in whole cache lines of results. */
  function share(size: number, thread: number, threads: number): number {
    const lines = Math.ceil(size / 16);
    return Math.min(Math.floor(lines * thread / threads) * 16, size);
  }

  function blasMultiply(...args: number[]): void {
    const [a, b, bias, residual, y, pre, transA, transB, m, n, k] = args;
    const [alpha, activation, panel, thread, threads] = args.slice(11);
    const byRows = m >= n;
    const size = byRows ? m : n;
    const end = share(size, thread + 1, threads);
    for (let at = share(size, thread, threads); at < end; at += panel) {
      const length = Math.min(panel, end - at);
      const [i, j] = byRows ? [at, 0] : [0, at];
      const [rows, columns] = byRows ? [length, n] : [m, length];
      const cell = 4 * (i * n + j);
      sgemm(
        rowMajor,
        transA ? transposed : plain,
        transB ? transposed : plain,
        rows,
        columns,
        k,
        alpha,
        base + a + 4 * (transA ? i : i * k),
        transA ? m : k,
        base + b + 4 * (transB ? j * k : j),
        transB ? k : n,
        0,
        base + y + cell,
        n,
      );
      epilogue(
        y + cell,
        pre && pre + cell,
        bias && bias + 4 * j,
        residual && residual + cell,
        rows,
        columns,
        4 * n,
        1,
        activation,
      );
    }
  }

  /** Each thread multiplies a chunk of k. */
  function blasChunks(...args: number[]): void {
    const [a, b, partials, transA, transB, m, n, k, chunk, thread] = args;
    const start = thread * chunk;
    if (start >= k) return;
    sgemm(
      rowMajor,
      transA ? transposed : plain,
      transB ? transposed : plain,
      m,
      n,
      Math.min(chunk, k - start),
      1,
      base + a + 4 * (transA ? start * m : start),
      transA ? m : k,
      base + b + 4 * (transB ? start : start * n),
      transB ? k : n,
      0,
      base + partials + 4 * thread * m * n,
      n,
    );
  }

  return { blasMultiply, blasChunks };
}
