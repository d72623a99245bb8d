import assert from "node:assert/strict";
import { countOf, Graph } from "../../../core/graph/graph.ts";
import { plan } from "../../../core/graph/plan.ts";
import { ops } from "../../../core/ops/mod.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import { kernels } from "../../../kernels/cpu/kernels.ts";
import type { Engine, HostArray } from "../../../kernels/engine.ts";
import { fillCase } from "../../support/fill.ts";
import { type KernelCase, kernelCases } from "../../support/kernel_cases.ts";

/** Shapes that take the other ways through the kernels. */
const large: KernelCase[] = [
  // Long k, with chunks that threads share.
  matmulCase(48, 16, 2051, 1, 0),
  // More columns than rows: threads split the columns.
  matmulCase(5, 333, 70, 0, 1),
  // Two blocks of k and two groups of panels.
  matmulCase(97, 240, 700, 0, 0),
  {
    op: "global_norm",
    attributes: { count: 50001 },
    inputs: [{ shape: [50001], kind: "normal" }],
  },
  {
    op: "expert_mix_gradient",
    attributes: { rows: 517, experts: 3, rank: 5 },
    inputs: [
      { shape: [517, 3, 3, 5], kind: "normal" },
      { shape: [517, 3, 3, 5], kind: "normal" },
      undefined,
    ],
  },
];

function matmulCase(
  m: number,
  n: number,
  k: number,
  transA: number,
  transB: number,
): KernelCase {
  return {
    op: "matmul",
    attributes: { m, n, k, transA, transB, alpha: 1, activation: 0 },
    inputs: [
      { shape: transA ? [k, m] : [m, k], kind: "normal" },
      { shape: transB ? [n, k] : [k, n], kind: "normal" },
      { shape: [n], kind: "normal" },
      { shape: [m, n], kind: "normal" },
    ],
  };
}

/** Every result of a case, and the inputs that it changed, as bytes. */
async function resultBytes(
  engine: Engine,
  test: KernelCase,
): Promise<Uint8Array[]> {
  const op = ops.get(test.op);
  assert.ok(op);
  const graph = new Graph();
  const inputs: Record<string, HostArray> = {};
  const values = fillCase(test).map((array, i) => {
    if (!array) return undefined;
    inputs[`input${i}`] = array;
    const dtype = array instanceof Int32Array ? "i32" : "f32";
    return graph.input(`input${i}`, test.inputs[i]?.shape ?? [], dtype);
  });
  const results = graph.apply(op, values, test.attributes);
  const outputs = Object.fromEntries([
    ...results.map((value, i) => [`output${i}`, value] as const),
    ...(op.mutates ?? []).map((i) => [`input${i}`, values[i]!] as const),
  ]);
  const program = await engine.compile(
    plan({ label: test.op, graph, outputs, memories: new Map() }),
  );
  const actual = await program.run(inputs);
  program.close();
  return Object.keys(outputs).map((name) => {
    assert.ok(countOf(outputs[name].shape) === actual[name].length);
    return new Uint8Array(actual[name].buffer);
  });
}

for (const name of kernels.keys()) {
  Deno.test(`${name} gives the same bits on 1, 2 and 5 threads`, async () => {
    const cases = [...kernelCases, ...large].filter(({ op }) => op === name);
    assert.ok(cases.length > 0);
    const engines = [
      await openCpuEngine({ threads: 1, blas: "off" }),
      await openCpuEngine({ threads: 2, blas: "off" }),
      await openCpuEngine({ threads: 5, blas: "off" }),
    ];
    try {
      for (const test of cases) {
        const wanted = await resultBytes(engines[0], test);
        for (const engine of engines.slice(1)) {
          const actual = await resultBytes(engine, test);
          assert.deepEqual(actual, wanted, JSON.stringify(test.attributes));
        }
      }
    } finally {
      for (const engine of engines) engine.close();
    }
  });
}
