/**
 * GFLOP/s of the CPU engine's matrix product by shape and number of threads.
 *
 * Run with `deno run bench/cpu_matmul_bench.ts [threads…]`.
 *
 * @module
 */

import { openCpuEngine } from "../kernels/cpu/engine.ts";
import { alignPlace, byteLength } from "../kernels/engine.ts";
import type { Engine, KernelCall, Place } from "../kernels/engine.ts";

/** What a product is for, with its m, n, k, transA and transB. */
type Shape = [name: string, ...sizes: [number, number, number, 0 | 1, 0 | 1]];

const SHAPES: Shape[] = [
  ["square", 768, 768, 768, 0, 0],
  ["ViT-B qkv, batch 4", 788, 2304, 768, 0, 1],
  ["ViT-B fc1, batch 4", 788, 3072, 768, 0, 1],
  ["ViT-B fc2, batch 4", 788, 768, 3072, 0, 1],
  ["tiny qkv, batch 32", 2080, 576, 192, 0, 1],
  ["tiny fc1, batch 32", 2080, 768, 192, 0, 1],
  ["tiny fc2, batch 32", 2080, 192, 768, 0, 1],
  ["tiny fc1, towards x", 2080, 192, 768, 0, 0],
  ["tiny fc1, towards W", 768, 192, 2080, 1, 0],
  ["adapter down", 8320, 16, 48, 0, 0],
  ["adapter up", 8320, 48, 16, 0, 0],
  ["adapter towards D", 48, 16, 8320, 1, 0],
  ["head", 32, 10, 192, 0, 1],
];

/** Calls in one run, so that starting a run does not count. */
const CALLS = 8;

/** The best GFLOP/s of several runs. */
async function measure(engine: Engine, shape: Shape): Promise<number> {
  const [label, m, n, k, transA, transB] = shape;
  let arenaBytes = 0;
  const place = (...size: number[]): Place => {
    const offset = arenaBytes;
    arenaBytes += alignPlace(byteLength(size));
    return { block: 0, offset, shape: size, dtype: "f32" };
  };
  const call: KernelCall = {
    kernel: "matmul",
    inputs: [place(m, k), place(k, n), undefined, undefined],
    outputs: [place(m, n), undefined],
    attributes: { m, n, k, transA, transB, alpha: 1, activation: 0 },
  };
  const program = await engine.compile({
    label,
    arenaBytes,
    memories: [],
    calls: Array.from({ length: CALLS }, () => call),
    inputs: new Map(),
    outputs: new Map(),
  });
  let best = Infinity;
  const end = performance.now() + 1000;
  while (performance.now() < end) {
    const start = performance.now();
    await program.run({});
    best = Math.min(best, performance.now() - start);
  }
  program.close();
  return 2 * m * n * k * CALLS / best / 1e6;
}

const counts = Deno.args.length > 0 ? Deno.args.map(Number) : [1, 2];
const engines: Engine[] = [];
for (const threads of counts) engines.push(await openCpuEngine({ threads }));
const lines = [["m × n × k", "", ...counts.map((count) => `${count} thr.`)]];
for (const shape of SHAPES) {
  const [name, m, n, k] = shape;
  const rates: string[] = [];
  for (const engine of engines) {
    rates.push((await measure(engine, shape)).toFixed(1));
  }
  lines.push([`${m} × ${n} × ${k}`, name, ...rates]);
}
for (const engine of engines) engine.close();
const text = lines.map(([shape, name, ...rates]) =>
  shape.padEnd(18) + name.padEnd(22) +
  rates.map((rate) => rate.padStart(8)).join("")
).join("\n");
await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
