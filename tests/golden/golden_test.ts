import assert from "node:assert/strict";
import { testEngines, webgpuHalf } from "../support/engines.ts";
import { openReferenceEngine } from "../support/reference_engine.ts";
import { TOLERANCE } from "../support/tolerance.ts";
import { goldenCases, runGolden } from "./mod.ts";

/** Their pipelines are others, which take long to compile: the rest is `golden`'s. */
const HALF_METHODS = ["alore", "full"];

for (const { name, path, method, known } of goldenCases()) {
  Deno.test({
    name: `golden ${name} holds (${method}) [float64]`,
    ignore: !known,
    fn: async () => {
      const checks = await runGolden(openReferenceEngine(), path);
      const wrong = checks.filter(({ error }) =>
        !(error <= TOLERANCE.golden64)
      );
      assert.deepEqual(wrong, []);
    },
  });
  const half = HALF_METHODS.includes(method) ? [webgpuHalf] : [];
  for (const engine of [...testEngines, ...half]) {
    Deno.test({
      name: `golden ${name} holds (${method}) [${engine.name}]`,
      ignore: !known || engine.ignore,
      fn: async () => {
        const opened = await engine.open();
        try {
          const checks = await runGolden(opened, path);
          assert.deepEqual(checks.filter(({ ok }) => !ok), []);
        } finally {
          opened.close();
        }
      },
    });
  }
}
