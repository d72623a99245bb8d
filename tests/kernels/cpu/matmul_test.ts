import assert from "node:assert/strict";
import { ops } from "../../../core/ops/mod.ts";
import {
  type CpuEngineOptions,
  openCpuEngine,
} from "../../../kernels/cpu/engine.ts";
import { assertClose } from "../../support/assert_close.ts";
import { blasPath } from "../../support/engines.ts";
import { fill } from "../../support/fill.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import { feeds, type KernelUse, onePlan } from "./one_kernel.ts";

/** Sizes beyond one block of k, one group of panels and one chunk. */
const SIZES = [
  [13, 20, 400],
  [100, 180, 790],
  [2, 700, 390],
  [7, 9, 1030],
  [48, 16, 4100],
  [3, 5, 33000],
  [600, 33, 50],
  [33, 600, 50],
  [20, 18, 170],
  // Tall enough to transpose B before oneDNN reads it.
  [2050, 21, 18],
];

const VARIANTS: readonly { kind: string; options: CpuEngineOptions }[] = [
  { kind: "relaxed SIMD", options: { threads: 2, blas: "off" } },
  { kind: "plain SIMD", options: { threads: 2, relaxed: false, blas: "off" } },
  ...[1, 2, 5].map((threads) => ({
    kind: `BLAS on ${threads} threads`,
    options: { threads, blas: blasPath },
  })),
];

function matmulUse(
  [m, n, k]: number[],
  transA: number,
  transB: number,
): KernelUse {
  const full = transA === transB;
  const shapes = [[m, k], [k, n], full ? [n] : [], full ? [m, n] : []];
  return {
    kernel: "matmul",
    attributes: {
      m,
      n,
      k,
      transA,
      transB,
      alpha: full ? 0.25 : 1,
      activation: transA,
    },
    inputs: shapes.map((shape, i) =>
      shape.length > 0 ? fill({ shape, kind: "normal" }, i) : undefined
    ),
    outputs: [m * n, transA ? m * n : undefined],
  };
}

async function checkSizes(options: CpuEngineOptions): Promise<void> {
  const op = ops.get("matmul");
  assert.ok(op);
  const engine = await openCpuEngine(options);
  for (const sizes of SIZES) {
    for (const [transA, transB] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
      const use = matmulUse(sizes, transA, transB);
      const program = await engine.compile(onePlan(use));
      const actual = await program.run(feeds(use));
      program.close();
      const exact = use.inputs.map((array) =>
        array && Float64Array.from(array)
      );
      const wanted = op.reference(exact, use.attributes);
      for (const [i, count] of use.outputs.entries()) {
        if (count === undefined) continue;
        const what = `${JSON.stringify(use.attributes)} output ${i}`;
        assertClose(actual[`output${i}`], wanted[i], TOLERANCE.kernel, what);
      }
    }
  }
  engine.close();
}

for (const { kind, options } of VARIANTS) {
  Deno.test({
    name: `matmul with ${kind} equals its reference at large sizes`,
    ignore: options.blas === undefined,
    fn: () => checkSizes(options),
  });
}
