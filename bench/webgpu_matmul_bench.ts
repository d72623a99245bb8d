/**
 * GFLOP/s of the WebGPU engine's matrix product by shape and family.
 *
 * Run with `deno run bench/webgpu_matmul_bench.ts [register|tile]`. Figures of
 * a software adapter say nothing about a GPU.
 *
 * @module
 */

import { alignPlace, byteLength } from "../kernels/engine.ts";
import type { Engine, KernelCall, Place } from "../kernels/engine.ts";
import { openWebgpuEngine } from "../kernels/webgpu/engine.ts";

/** What a product is for, with its m, n, k, transA and transB. */
type Shape = [name: string, ...sizes: [number, number, number, 0 | 1, 0 | 1]];

const SHAPES: Shape[] = [
  ["square", 768, 768, 768, 0, 0],
  ["square", 1024, 1024, 1024, 0, 0],
  ["ViT-B qkv, batch 4", 788, 2304, 768, 0, 1],
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

/** Operations in one run, about, so that reading back does not count. */
const WORK = 2e9;

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
  const calls = Math.ceil(Math.min(WORK / (2 * m * n * k), 200));
  const program = await engine.compile({
    label,
    arenaBytes,
    memories: [],
    calls: Array.from({ length: calls }, () => call),
    inputs: new Map(),
    outputs: new Map(),
  });
  await program.run({});
  let best = Infinity;
  const end = performance.now() + 2000;
  do {
    const start = performance.now();
    await program.run({});
    best = Math.min(best, performance.now() - start);
  } while (performance.now() < end);
  program.close();
  return 2 * m * n * k * calls / best / 1e6;
}

const [family = "auto"] = Deno.args;
if (family !== "auto" && family !== "register" && family !== "tile") {
  throw new RangeError(
    `Cannot measure ${family}: wanted auto, register or tile`,
  );
}
const engine = await openWebgpuEngine({
  allowSoftware: true,
  matmulFamily: family,
});
const lines = [engine.description];
for (const shape of SHAPES) {
  const [name, m, n, k, transA, transB] = shape;
  const speed = await measure(engine, shape);
  const form = `${transA ? "T" : "N"}${transB ? "T" : "N"}`;
  lines.push(
    name.padEnd(24) + `${m} × ${n} × ${k} ${form}`.padEnd(24) +
      `${speed.toFixed(1)} GFLOP/s`,
  );
}
engine.close();
await Deno.stdout.write(new TextEncoder().encode(`${lines.join("\n")}\n`));
