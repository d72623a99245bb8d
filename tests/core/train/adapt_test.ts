import assert from "node:assert/strict";
import { methods } from "../../../core/methods/mod.ts";
import { adapt } from "../../../core/train/adapt.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import { tinyBackbone, tinyDataset } from "../../support/tiny.ts";

Deno.test("adapt() takes the method's learning rate where none is given", async () => {
  const engine = await openCpuEngine({ threads: 1 });
  const request = {
    engine,
    backbone: tinyBackbone(),
    data: tinyDataset(),
    epochs: 2,
    batchSize: 8,
  };
  try {
    const seen = new Set<number>();
    for (const method of ["full", "alore", "ssf"]) {
      using run = await adapt({ ...request, method });
      // The first epoch warms up, so it ends at the peak.
      const { lr } = methods.get(method)!;
      assert.equal(run.records[0].lr, lr);
      seen.add(lr);
    }
    assert.equal(seen.size, 3);
    using run = await adapt({ ...request, method: "alore", lr: 0.02 });
    assert.equal(run.records[0].lr, 0.02);
  } finally {
    engine.close();
  }
});
