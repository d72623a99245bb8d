import assert from "node:assert/strict";
import { openCpuEngine } from "../../kernels/cpu/engine.ts";
import { measureGemmRate, rateOf } from "../../kernels/gemm_rate.ts";

Deno.test("rateOf() makes so many a run that the wait counts little", async () => {
  const counts: number[] = [];
  const { median, best } = await rateOf((count) => {
    counts.push(count);
    // A timer is late, never early.
    return Promise.resolve(() =>
      new Promise((resolve) => setTimeout(resolve, 10 * count))
    );
  }, 3);
  assert.equal(counts[0], 1);
  assert.ok(counts.at(-1)! >= 5, `${counts}`);
  assert.ok(median <= best && best <= 0.11, `${median} ${best}`);
});

Deno.test("rateOf() leaves what takes long alone", async () => {
  const counts: number[] = [];
  await rateOf((count) => {
    counts.push(count);
    return Promise.resolve(() =>
      new Promise((resolve) => setTimeout(resolve, 120))
    );
  }, 1);
  assert.deepEqual(counts, [1]);
});

Deno.test("measureGemmRate() finds a rate, and the best no lower", async () => {
  const engine = await openCpuEngine({ threads: 0, blas: "off" });
  try {
    const { median, best } = await measureGemmRate(engine, {
      size: 64,
      runs: 3,
    });
    assert.ok(median > 0 && best >= median && Number.isFinite(best));
  } finally {
    engine.close();
  }
});
