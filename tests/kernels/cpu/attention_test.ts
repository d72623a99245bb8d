import assert from "node:assert/strict";
import { ops } from "../../../core/ops/mod.ts";
import { assertClose } from "../../support/assert_close.ts";
import { testEngines } from "../../support/engines.ts";
import { fill } from "../../support/fill.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import { feeds, type KernelUse, onePlan } from "./one_kernel.ts";

/** More tokens than a BLAS library gets at once, and no multiple of a tile. */
const attributes = { batch: 1, tokens: 291, heads: 2, width: 20 };

const count = attributes.tokens * attributes.width;

function exact(use: KernelUse): Float64Array[] {
  const op = ops.get(use.kernel);
  assert.ok(op);
  const inputs = use.inputs.map((array) => array && Float64Array.from(array));
  return op.reference(inputs, use.attributes);
}

for (const { name, ignore, open } of testEngines) {
  if (!name.startsWith("cpu")) continue;
  Deno.test({
    name: `attention equals its reference at many tokens [${name}]`,
    ignore,
    fn: async () => {
      const normal = (size: number, seed: number) =>
        fill({ shape: [size], kind: "normal" }, seed);
      const forward: KernelUse = {
        kernel: "attention",
        attributes,
        inputs: [normal(3 * count, 1)],
        outputs: [count, attributes.tokens * attributes.heads],
      };
      const results = exact(forward).map((values) => Float32Array.from(values));
      const backward: KernelUse = {
        kernel: "attention_gradient",
        attributes,
        inputs: [normal(count, 2), forward.inputs[0], ...results],
        outputs: [3 * count],
      };
      const engine = await open();
      for (const use of [forward, backward]) {
        const program = await engine.compile(onePlan(use));
        const actual = await program.run(feeds(use));
        program.close();
        for (const [i, wanted] of exact(use).entries()) {
          const what = `${use.kernel} output ${i}`;
          assertClose(actual[`output${i}`], wanted, TOLERANCE.kernel, what);
        }
      }
      engine.close();
    },
  });
}
