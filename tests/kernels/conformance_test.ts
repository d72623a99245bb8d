import { ops } from "../../core/ops/mod.ts";
import { assertClose } from "../support/assert_close.ts";
import {
  gpuKernels,
  otherBlas,
  testEngines,
  withoutSubgroups,
} from "../support/engines.ts";
import { kernelCases } from "../support/kernel_cases.ts";
import { runCase } from "../support/run_case.ts";

const whole = [...testEngines, gpuKernels, ...otherBlas]
  .map((engine) => ({ ...engine, ops: ops.keys() }));

for (const { name, ignore, open, ops } of [...whole, withoutSubgroups]) {
  for (const op of ops) {
    Deno.test({
      name: `${op} equals its reference at awkward shapes [${name}]`,
      ignore,
      fn: async () => {
        const engine = await open();
        try {
          for (const test of kernelCases.filter((test) => test.op === op)) {
            await runCase(engine, test, assertClose);
            await runCase(engine, test, assertClose, 0);
          }
        } finally {
          engine.close();
        }
      },
    });
  }
}
