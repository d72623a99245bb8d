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

/** GFLOP/s over several runs. */
export interface GemmRate {
  /** The middle one. */
  readonly median: number;
  /** The fastest, which other processes hinder least. */
  readonly best: number;
}

/**
 * Measures an engine's product of two square matrices: what its kernels reach
 * where memory is no hindrance.
 *
 * @throws {DeviceError} If the device fails.
 */
export async function measureGemmRate(
  engine: Engine,
  { size = 1024, runs = 9 }: GemmRateOptions = {},
): Promise<GemmRate> {
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
    times.sort((a, b) => a - b);
    const rate = (time: number) => 2 * size ** 3 / time / 1e6;
    return { median: rate(times[runs >> 1]), best: rate(times[0]) };
  } finally {
    program.close();
  }
}
