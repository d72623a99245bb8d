import assert from "node:assert/strict";
import { ops } from "../../../core/ops/mod.ts";
import { openWebgpuEngine } from "../../../kernels/webgpu/engine.ts";
import { assertClose } from "../../support/assert_close.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import { feeds, onePlan } from "../cpu/one_kernel.ts";
import { gpuTest } from "./adapter.ts";

const SHAPES = [
  [1, 1, 1],
  [15, 17, 16],
  [16, 16, 17],
  [20, 36, 28],
  [63, 65, 64],
  [197, 64, 48],
  // Split over k, as the gradients of narrow factors are.
  [48, 16, 1040],
  [3, 5, 785],
] as const;

function numbers(count: number, seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: count },
    (_, i) => Math.sin(i * 12.9898 + seed * 78.233),
  );
}

for (const matmulFamily of ["register", "tile"] as const) {
  gpuTest(`matmul by ${matmulFamily} equals its reference`, async () => {
    const engine = await openWebgpuEngine({
      allowSoftware: true,
      matmulFamily,
    });
    const matmul = ops.get("matmul");
    assert.ok(matmul);
    for (const [m, n, k] of SHAPES) {
      for (let bits = 0; bits < 8; bits++) {
        const attributes = {
          m,
          n,
          k,
          transA: bits & 1,
          transB: bits >> 1 & 1,
          alpha: 0.5,
          activation: bits >> 2,
        };
        const inputs = [m * k, k * n, n, m * n].map(numbers);
        const use = {
          kernel: "matmul",
          attributes,
          inputs,
          outputs: attributes.activation ? [m * n, m * n] : [m * n],
        };
        const program = await engine.compile(onePlan(use));
        const results = await program.run(feeds(use));
        const exact = inputs.map((array) => Float64Array.from(array));
        matmul.reference(exact, attributes).forEach((wanted, i) => {
          const what = `${JSON.stringify(attributes)} output ${i}`;
          assertClose(results[`output${i}`], wanted, TOLERANCE.kernel, what);
        });
        program.close();
      }
    }
    engine.close();
  });
}
