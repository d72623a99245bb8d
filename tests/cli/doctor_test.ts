import assert from "node:assert/strict";
import {
  KNOWN_LOSSES,
  SELF_TEST_TOLERANCE,
  selfTest,
  trainTiny,
} from "../../cli/self_check.ts";
import { DENO_VERSION } from "../../core/version.ts";
import type { Engine } from "../../kernels/engine.ts";
import { alore } from "../support/alore.ts";
import { testEngines } from "../support/engines.ts";
import { inFolder } from "../support/folder.ts";
import { openReferenceEngine } from "../support/reference_engine.ts";

Deno.test("the known losses are what the references compute", async () => {
  const losses = await trainTiny(openReferenceEngine());
  assert.deepEqual(losses, KNOWN_LOSSES);
});

for (const { name, ignore, open } of testEngines) {
  Deno.test({
    name: `selfTest() passes [${name}]`,
    ignore,
    async fn() {
      const engine = await open();
      const result = await selfTest(engine);
      engine.close();
      assert.equal(result.passed, true, `${result.largestDifference}`);
    },
  });
}

Deno.test("selfTest() fails for an engine that is a little wrong", async () => {
  const engine = openReferenceEngine();
  const wrong: Engine = {
    ...engine,
    allocate: (bytes, label) => engine.allocate(bytes, label),
    async compile(plan) {
      const program = await engine.compile(plan);
      return {
        close: () => program.close(),
        async run(inputs) {
          const results = await program.run(inputs);
          const loss = Float32Array.of(
            results.loss[0] + 2 * SELF_TEST_TOLERANCE,
          );
          return { ...results, loss };
        },
      };
    },
    close: () => engine.close(),
  };
  assert.equal((await selfTest(wrong)).passed, false);
});

Deno.test("alore doctor describes the machine and tests its engines", () =>
  inFolder(async (folder) => {
    const { code, stdout, stderr } = await alore(folder, "doctor", "--json");
    assert.equal(code, 0, stderr);
    const found = JSON.parse(stdout);
    assert.equal(found.machine.deno, Deno.version.deno);
    assert.equal(found.machine.denoTested, DENO_VERSION);
    assert.equal(found.machine.simd, true);
    assert.match(found.auto.name, /^(cpu|webgpu)$/);
    for (const { engine, result } of found.engines) {
      assert.equal(result.passed, true, engine);
    }
  }));
