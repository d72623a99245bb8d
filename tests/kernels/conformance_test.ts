import assert from "node:assert/strict";
import { Graph } from "../../core/graph/graph.ts";
import { plan } from "../../core/graph/plan.ts";
import { ops } from "../../core/ops/mod.ts";
import type { Engine, HostArray } from "../../kernels/engine.ts";
import { assertClose } from "../support/assert_close.ts";
import { gpuKernels, testEngines } from "../support/engines.ts";
import { fillCase } from "../support/fill.ts";
import { type KernelCase, kernelCases } from "../support/kernel_cases.ts";
import { TOLERANCE } from "../support/tolerance.ts";

/** Runs one case and compares every result; `only` leaves out the others. */
async function runCase(
  engine: Engine,
  test: KernelCase,
  only?: number,
): Promise<void> {
  const op = ops.get(test.op);
  assert.ok(op);
  const graph = new Graph();
  const arrays = fillCase(test);
  const feeds: Record<string, HostArray> = {};
  const inputs = arrays.map((array, i) => {
    if (!array) return undefined;
    feeds[`input${i}`] = array;
    const dtype = array instanceof Int32Array ? "i32" : "f32";
    return graph.input(`input${i}`, test.inputs[i]?.shape ?? [], dtype);
  });
  const results = graph.apply(op, inputs, test.attributes);
  const outputs = Object.fromEntries([
    ...results.map((value, i) => [`output${i}`, value] as const)
      .filter((_, i) => only === undefined || i === only),
    ...(op.mutates ?? []).map((i) => [`input${i}`, inputs[i]!] as const),
  ]);
  const label = `${test.op} ${JSON.stringify(test.attributes)}`;
  const program = await engine.compile(
    plan({ label, graph, outputs, memories: new Map() }),
  );
  const exact = arrays.map((array) => array && Float64Array.from(array));
  const wanted = op.reference(exact, test.attributes);
  const large = test.inputs.some((input) => input?.kind === "large");
  const tolerance = large && test.op === "attention"
    ? TOLERANCE.largeScores
    : TOLERANCE.kernel;
  const floor = TOLERANCE.kernelFloor;
  // Twice, so that a result that depends on stale memory shows.
  for (let repeat = 0; repeat < 2; repeat++) {
    const actual = await program.run(feeds);
    for (const [i, values] of wanted.entries()) {
      if (only !== undefined && i !== only) continue;
      const what = `${label} output ${i}`;
      assertClose(actual[`output${i}`], values, tolerance, what, floor);
    }
    for (const i of op.mutates ?? []) {
      const what = `${label} input ${i}`;
      assertClose(actual[`input${i}`], exact[i]!, tolerance, what, floor);
    }
  }
  program.close();
}

for (const { name, ignore, open } of [...testEngines, gpuKernels]) {
  for (const op of ops.keys()) {
    Deno.test({
      name: `${op} equals its reference at awkward shapes [${name}]`,
      ignore,
      fn: async () => {
        const engine = await open();
        try {
          for (const test of kernelCases.filter((test) => test.op === op)) {
            await runCase(engine, test);
            await runCase(engine, test, 0);
          }
        } finally {
          engine.close();
        }
      },
    });
  }
}
