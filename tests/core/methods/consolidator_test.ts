import assert from "node:assert/strict";
import { consolidator } from "../../../core/methods/consolidator.ts";
import { resolveOptions } from "../../../core/methods/mod.ts";
import { modelShape } from "../../../core/models/architectures.ts";
import { findBackbone } from "../../../core/models/zoo.ts";
import { tinyConfig } from "../../support/tiny.ts";
import { checkDense } from "./dense.ts";

const GROUPS = 6;
const { width: WIDTH, mlpHidden: HIDDEN, depth: DEPTH } = tinyConfig;

/** Channels as the table groups × columns, read column by column. */
function shuffledOrder(channels: number): number[] {
  const table = Array.from(
    { length: GROUPS },
    (_, g) =>
      Array.from(
        { length: channels / GROUPS },
        (_, c) => g * channels / GROUPS + c,
      ),
  );
  return table[0].flatMap((_, c) => table.map((row) => row[c]));
}

Deno.test("consolidator equals a sparse ΔW, forward and merged", async () => {
  await checkDense("consolidator", { groups: GROUPS }, (tensors) => {
    for (let block = 0; block < DEPTH; block++) {
      for (
        const [layer, inputs] of [
          ["attn.qkv", WIDTH],
          ["attn.proj", WIDTH],
          ["mlp.fc1", WIDTH],
          ["mlp.fc2", HIDDEN],
        ] as const
      ) {
        const module = `blocks.${block}.${layer}`;
        const weight = tensors.get(`${module}.weight`)!.slice();
        const own = tensors.get(`adapter.${module}.weight`)!;
        const outputs = weight.length / inputs;
        const order = shuffledOrder(inputs);
        const [seen, made] = [inputs / GROUPS, outputs / GROUPS];
        for (let group = 0; group < GROUPS; group++) {
          const sources = order.slice(group * seen, (group + 1) * seen);
          for (let o = group * made; o < (group + 1) * made; o++) {
            for (const [l, source] of sources.entries()) {
              weight[o * inputs + source] += own[o * seen + l];
            }
          }
        }
        tensors.set(`${module}.weight`, weight);
        const shift = tensors.get(`adapter.${module}.bias`)!;
        const bias = tensors.get(`${module}.bias`)!;
        tensors.set(`${module}.bias`, bias.map((b, o) => b + shift[o]));
      }
    }
  });
});

Deno.test("consolidator refuses groups that do not divide a layer", () => {
  const shape = modelShape(findBackbone("vit-t8-32"));
  assert.throws(() => resolveOptions(consolidator, { groups: 384 }, shape), {
    name: "RangeError",
    message: "Cannot build the consolidators: got 384 groups for " +
      "blocks.0.attn.qkv, which is 192 to 576 features, wanted a divisor of " +
      "both",
    hint: "--groups 0 takes half the width of each block",
  });
});
