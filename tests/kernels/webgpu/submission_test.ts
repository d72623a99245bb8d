import assert from "node:assert/strict";
import type { Place, Plan } from "../../../kernels/engine.ts";
import { openEngine } from "../../../kernels/open_engine.ts";
import { openWebgpuEngine } from "../../../kernels/webgpu/engine.ts";
import { gpuTest, withHook } from "./adapter.ts";

/** Products of square matrices, one after the other. */
function products(count: number, side: number): Plan {
  const at = (i: number): Place => ({
    block: 0,
    offset: i * 4 * side ** 2,
    shape: [side, side],
    dtype: "f32",
  });
  return {
    label: "products",
    arenaBytes: 3 * 4 * side ** 2,
    memories: [],
    calls: Array.from({ length: count }, (_, i) => ({
      kernel: "matmul",
      inputs: [at(i % 2), at(2), undefined, undefined],
      outputs: [at(1 - i % 2), undefined],
      attributes: {
        m: side,
        n: side,
        k: side,
        transA: 0,
        transB: 0,
        alpha: 1,
        activation: 0,
      },
    })),
    inputs: new Map(),
    outputs: new Map([["y", { ...at(count % 2), shape: [side] }]]),
  };
}

gpuTest("a run is one submission", async () => {
  const engine = await openWebgpuEngine({ allowSoftware: true });
  const program = await engine.compile(products(9, 64));
  let submissions = 0;
  await withHook(
    GPUQueue.prototype,
    "submit",
    () => submissions++,
    async () => {
      await Promise.all([program.run({}), program.run({})]);
    },
  );
  assert.equal(submissions, 2);
  engine.close();
});

gpuTest("timers fire while the device computes", async () => {
  const engine = await openEngine("webgpu", { check: "never" });
  const program = await engine.compile(products(30, 512));
  await program.run({});
  const started = performance.now();
  let [last, longest] = [started, 0];
  const timer = setInterval(() => {
    const now = performance.now();
    [last, longest] = [now, Math.max(longest, now - last)];
  }, 5);
  await program.run({});
  const ended = performance.now();
  clearInterval(timer);
  longest = Math.max(longest, ended - last);
  // The whole run, had this thread waited for it.
  assert.ok(
    longest < (ended - started) / 3,
    `got ${longest} of ${ended - started} ms without a timer`,
  );
  engine.close();
});

gpuTest("computed() waits for all that was started", async () => {
  const engine = await openWebgpuEngine({ allowSoftware: true });
  const program = await engine.compile(products(9, 64));
  let maps = 0;
  await withHook(
    GPUBuffer.prototype,
    "mapAsync",
    () => maps++,
    async () => {
      const runs = [program.run({}), program.run({})];
      assert.equal(maps, 0);
      await engine.computed!();
      // Which on Deno blocks until the device is done.
      assert.equal(maps, 2);
      await Promise.all(runs);
    },
  );
  engine.close();
});
