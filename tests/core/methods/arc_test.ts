import assert from "node:assert/strict";
import { arc } from "../../../core/methods/arc.ts";
import { modelShape } from "../../../core/models/architectures.ts";
import { findBackbone } from "../../../core/models/zoo.ts";
import { tinyConfig } from "../../support/tiny.ts";
import { checkDense } from "./dense.ts";

const RANK = 5;
const WIDTH = tinyConfig.width;

Deno.test("arc equals x (I + U diag(λ) Uᵀ) + b, forward and merged", async () => {
  await checkDense("arc", { hidden: RANK }, (tensors) => {
    for (let block = 0; block < tinyConfig.depth; block++) {
      for (const [kind, layer] of [["attn", "qkv"], ["mlp", "fc1"]]) {
        const at = `blocks.${block}.${kind}`;
        const shared = tensors.get(`adapter.shared.${kind}.down`)!;
        const scale = tensors.get(`adapter.${at}.scale`)!;
        const shift = tensors.get(`adapter.${at}.bias`)!;
        const weight = tensors.get(`${at}.${layer}.weight`)!;
        const bias = tensors.get(`${at}.${layer}.bias`)!;
        const recomposed = (i: number, j: number): number => {
          let sum = i === j ? 1 : 0;
          for (let r = 0; r < RANK; r++) {
            sum += shared[i * RANK + r] * scale[r] * shared[j * RANK + r];
          }
          return sum;
        };
        tensors.set(
          `${at}.${layer}.weight`,
          weight.map((_, at) => {
            const row = at - at % WIDTH;
            let sum = 0;
            for (let j = 0; j < WIDTH; j++) {
              sum += weight[row + j] * recomposed(at % WIDTH, j);
            }
            return sum;
          }),
        );
        tensors.set(
          `${at}.${layer}.bias`,
          bias.map((value, o) =>
            shift.reduce((sum, b, j) => sum + weight[o * WIDTH + j] * b, value)
          ),
        );
      }
    }
  });
});

Deno.test("arc refuses models whose widths differ", () => {
  const plain = modelShape(findBackbone("vit-b16"));
  const [first, ...rest] = plain.blocks;
  const blocks = [{ ...first, width: 384 }, ...rest];
  assert.throws(() => arc.check!({}, { ...plain, blocks }), {
    name: "RangeError",
    message: "Cannot build ARC's shared projections: got widths 384, 768, " +
      "wanted one width",
  });
});
