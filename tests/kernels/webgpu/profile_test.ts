import assert from "node:assert/strict";
import { findAdapter } from "../../../kernels/webgpu/adapter.ts";
import { CLOCK_FEATURE } from "../../../kernels/webgpu/dispatch_clock.ts";
import { openWebgpuEngine } from "../../../kernels/webgpu/engine.ts";
import { tinyModel } from "../../support/tiny.ts";

const required = Deno.env.get("ALORE_REQUIRE_WEBGPU") === "1";
const adapter = await findAdapter();

Deno.test({
  name: "Program.profile() times every call where the adapter has a clock",
  ignore: !adapter && !required,
  async fn() {
    const engine = await openWebgpuEngine({ allowSoftware: true });
    using model = tinyModel(engine, "alore");
    const plan = model.forwardPlan(2);
    const program = await engine.compile(plan);
    const images = new Float32Array(2 * 3 * 8 * 8).fill(0.5);
    const before = await program.run({ images });
    const clock = adapter?.features.includes(CLOCK_FEATURE);
    assert.equal(program.profile !== undefined, clock);
    if (program.profile) {
      const { calls, total } = await program.profile({ images });
      assert.equal(calls.length, plan.calls.length);
      const busy = calls.reduce((sum, call) => sum + call.busy, 0);
      assert.ok(busy > 0 && busy < total, `${busy} of ${total} ms`);
      for (const { waiting } of calls) assert.equal(waiting, 0);
    }
    assert.deepEqual(await program.run({ images }), before);
    program.close();
    engine.close();
  },
});
