import assert from "node:assert/strict";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import { feeds, type KernelUse, onePlan } from "./one_kernel.ts";

/** Seven numbers of which the last, in a part of a vector, is `value`. */
function row(value: number): Float32Array<ArrayBuffer> {
  return Float32Array.of(1, 2, 3, 4, 5, 6, value);
}

const ones = new Float32Array(7).fill(1);

/** Kernels whose output holds NaN because one input does. */
const uses: KernelUse[] = [
  {
    kernel: "gelu",
    attributes: { count: 7 },
    inputs: [row(NaN)],
    outputs: [7],
  },
  {
    kernel: "gelu_gradient",
    attributes: { count: 7 },
    inputs: [ones, row(NaN)],
    outputs: [7],
  },
  {
    kernel: "global_norm",
    attributes: { count: 7 },
    inputs: [row(NaN)],
    outputs: [1],
  },
  {
    kernel: "global_norm",
    attributes: { count: 7 },
    inputs: [row(Infinity)],
    outputs: [1],
  },
  {
    kernel: "layer_norm",
    attributes: { m: 1, n: 7, eps: 1e-6 },
    inputs: [row(NaN), ones, ones],
    outputs: [7, undefined, undefined],
  },
  {
    kernel: "cross_entropy",
    attributes: { batch: 1, classes: 7, smoothing: 0 },
    inputs: [row(NaN), Int32Array.of(2)],
    outputs: [1, undefined],
  },
  {
    kernel: "cross_entropy_gradient",
    attributes: { batch: 1, classes: 7, smoothing: 0 },
    inputs: [row(NaN), Int32Array.of(2), undefined],
    outputs: [7],
  },
  {
    kernel: "matmul",
    attributes: {
      m: 1,
      n: 7,
      k: 1,
      transA: 0,
      transB: 0,
      alpha: 1,
      activation: 1,
    },
    inputs: [Float32Array.of(1), row(NaN), undefined, undefined],
    outputs: [7, undefined],
  },
  {
    kernel: "attention",
    attributes: { batch: 1, tokens: 1, heads: 1, width: 7 },
    inputs: [
      Float32Array.of(...ones, ...row(NaN), ...ones),
    ],
    outputs: [7, 1],
  },
];

for (const use of uses) {
  const bad = use.inputs.flatMap((array) => [...array ?? []])
    .find((value) => !Number.isFinite(value));
  Deno.test(`${use.kernel} of ${bad} is not finite`, async () => {
    const engine = await openCpuEngine({ threads: 2 });
    const program = await engine.compile(onePlan(use));
    const { output0 } = await program.run(feeds(use));
    assert.ok(output0.some((value) => !Number.isFinite(value)));
    engine.close();
  });
}
