/**
 * What the CPU engine says of the time of a run.
 *
 * @module
 */

import assert from "node:assert/strict";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import { DeviceError } from "../../../kernels/engine.ts";
import { tinyModel } from "../../support/tiny.ts";

const BATCH = 4;
const images = new Float32Array(BATCH * 3 * 8 * 8).fill(0.5);

for (const threads of [1, 2]) {
  Deno.test(`Program.profile() times every call on ${threads} threads`, async () => {
    const engine = await openCpuEngine({ threads });
    using model = tinyModel(engine, "alore");
    const plan = model.forwardPlan(BATCH);
    const program = await engine.compile(plan);
    const before = await program.run({ images });
    const { calls, total } = await program.profile!({ images });
    assert.equal(calls.length, plan.calls.length);
    for (const { busy, waiting } of calls) assert.ok(busy > 0 && waiting >= 0);
    const sum = calls.reduce((s, { busy, waiting }) => s + busy + waiting, 0);
    assert.ok(sum < total, `${sum} ms in calls, ${total} ms in all`);
    assert.deepEqual(await program.run({ images }), before);
    program.close();
    engine.close();
  });
}

Deno.test("Program.profile() rejects when the engine closes", async () => {
  const engine = await openCpuEngine({ threads: 2 });
  const model = tinyModel(engine, "linear");
  const program = await engine.compile(model.forwardPlan(BATCH));
  const profile = program.profile!({ images });
  engine.close();
  await assert.rejects(profile, DeviceError);
});
