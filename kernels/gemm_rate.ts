/**
 * The yardstick of profiles and comparisons.
 *
 * @module
 */

import {
  alignPlace,
  byteLength,
  type Engine,
  type KernelCall,
  type Place,
} from "./engine.ts";

/** Options of {@linkcode measureGemmRate}. */
export interface GemmRateOptions {
  /** Rows, columns and inner size; default 1024. */
  readonly size?: number;
  /** Runs that count, at least 1; default 9. */
  readonly runs?: number;
}

/**
 * Measures an engine's product of two square matrices: what its kernels reach
 * where memory is no hindrance.
 *
 * @returns GFLOP/s, the median of the runs.
 * @throws {DeviceError} If the device fails.
 */
export async function measureGemmRate(
  engine: Engine,
  { size = 1024, runs = 9 }: GemmRateOptions = {},
): Promise<number> {
  const shape = [size, size];
  const bytes = alignPlace(byteLength(shape));
  const place = (index: number): Place => ({
    block: 0,
    offset: index * bytes,
    shape,
    dtype: "f32",
  });
  const call: KernelCall = {
    kernel: "matmul",
    inputs: [place(0), place(1), undefined, undefined],
    outputs: [place(2), undefined],
    attributes: {
      m: size,
      n: size,
      k: size,
      transA: 0,
      transB: 0,
      alpha: 1,
      activation: 0,
    },
  };
  const program = await engine.compile({
    label: "matrix product",
    arenaBytes: 3 * bytes,
    memories: [],
    calls: [call],
    inputs: new Map(),
    outputs: new Map(),
  });
  try {
    await program.run({});
    const times: number[] = [];
    for (let run = 0; run < runs; run++) {
      const started = performance.now();
      await program.run({});
      times.push(performance.now() - started);
    }
    const median = times.toSorted((a, b) => a - b)[runs >> 1];
    return 2 * size ** 3 / median / 1e6;
  } finally {
    program.close();
  }
}
