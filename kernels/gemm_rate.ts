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
  type Program,
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
  let program: Program | undefined;
  try {
    const rate = await rateOf(async (products) => {
      program?.close();
      program = undefined;
      const prepared = program = await engine.compile({
        label: "matrix product",
        arenaBytes: 3 * bytes,
        memories: [],
        calls: Array.from({ length: products }, () => call),
        inputs: new Map(),
        outputs: new Map(),
      });
      return () => prepared.run({});
    }, runs);
    const flops = 2 * size ** 3 / 1e6;
    return { median: rate.median * flops, best: rate.best * flops };
  } finally {
    program?.close();
  }
}

/**
 * Milliseconds that a run should last. Deno looks every 10 ms whether a device
 * is done, in which a GPU may make hundreds of products.
 */
const LONG_ENOUGH = 200;

/** Products of a run, at most. */
const MOST = 4096;

/**
 * How many of something a millisecond are made, in runs of so many that waiting
 * for the last of them counts little.
 *
 * @param prepare Makes a run of so many.
 */
export async function rateOf(
  prepare: (count: number) => Promise<() => Promise<unknown>>,
  runs: number,
): Promise<{ median: number; best: number }> {
  let count = 1;
  let run = await prepare(count);
  await run();
  let took = await timeOf(run);
  while (took < LONG_ENOUGH / 2 && count < MOST) {
    count = Math.min(MOST, Math.ceil(count * LONG_ENOUGH / took));
    run = await prepare(count);
    took = await timeOf(run);
  }
  const times: number[] = [];
  for (let i = 0; i < runs; i++) times.push(await timeOf(run));
  times.sort((a, b) => a - b);
  return { median: count / times[runs >> 1], best: count / times[0] };
}

async function timeOf(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}
