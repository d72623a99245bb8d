import assert from "node:assert/strict";
import type { Place, Plan } from "../../../kernels/engine.ts";
import { findAdapter } from "../../../kernels/webgpu/adapter.ts";
import { openWebgpuEngine } from "../../../kernels/webgpu/engine.ts";
import { Portions } from "../../../kernels/webgpu/portions.ts";
import { gpuTest, ignore, withHook } from "./adapter.ts";

/** Sizes of a run's portions where each dispatch takes so many milliseconds. */
async function sizesOf(
  count: number,
  milliseconds: number,
  runs = 1,
): Promise<number[]> {
  let [now, busyUntil] = [0, 0];
  const portions = new Portions(() => now);
  let sizes: number[] = [];
  for (let run = 0; run < runs; run++) {
    sizes = [];
    let next = 0;
    await portions.handOver(count, (from, to) => {
      assert.equal(from, next);
      next = to;
      sizes.push(to - from);
      now = Math.max(now, busyUntil);
      busyUntil = now + (to - from) * milliseconds;
    });
    assert.equal(next, count);
    now = busyUntil;
  }
  return sizes;
}

Deno.test("Portions grow to what takes about 50 ms, and no further", async () => {
  assert.deepEqual(await sizesOf(40, 5), [1, 1, 2, 4, 8, 10, 10, 4]);
  assert.deepEqual(await sizesOf(4, 400), [1, 1, 1, 1]);
  assert.deepEqual(await sizesOf(100, 0.01, 4), [100]);
});

Deno.test("Portions let the event loop turn in between", async () => {
  const order: string[] = [];
  const turn = (left: number) => {
    order.push("turn");
    if (left > 1) setTimeout(() => turn(left - 1));
  };
  setTimeout(() => turn(1));
  await new Portions().handOver(2, (from) => order.push(`from ${from}`));
  assert.deepEqual(order, ["from 0", "turn", "from 1"]);
});

Deno.test("Portions that cannot be handed over reject", async () => {
  const lost = new Portions().handOver(3, (from) => {
    if (from > 0) throw new TypeError("the device was lost");
  });
  await assert.rejects(lost, /the device was lost/);
});

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

gpuTest("a run for a hardware adapter is one submission", async () => {
  const engine = await openWebgpuEngine({
    allowSoftware: true,
    treatAsSoftware: false,
  });
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

Deno.test({
  name: "timers fire while a software adapter computes",
  ignore: ignore || (await findAdapter())?.software === false,
  fn: async () => {
    const engine = await openWebgpuEngine({ allowSoftware: true });
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
    // The whole run, had it been one submission.
    assert.ok(
      longest < (ended - started) / 3,
      `got ${longest} of ${ended - started} ms without a timer`,
    );
    engine.close();
  },
});

for (const treatAsSoftware of [true, false]) {
  const kind = treatAsSoftware ? "software" : "hardware";
  gpuTest(
    `computed() waits for all that was started, as on ${kind}`,
    async () => {
      const engine = await openWebgpuEngine({
        allowSoftware: true,
        treatAsSoftware,
      });
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
    },
  );
}
