import assert from "node:assert/strict";
import { factTk } from "../../../core/methods/fact_tk.ts";
import { factTt } from "../../../core/methods/fact_tt.ts";
import { modelShape } from "../../../core/models/architectures.ts";
import { findBackbone } from "../../../core/models/zoo.ts";
import { tinyConfig } from "../../support/tiny.ts";
import { checkDense, plusTransposed } from "./dense.ts";

const RANK = 3;
const SCALE = 0.7;
const WIDTH = tinyConfig.width;

/** Layers of the tiny model; the first of their matrices within a block. */
const LAYERS: [module: string, inputs: number, first: number][] = [
  ["attn.qkv", WIDTH, 0],
  ["attn.proj", WIDTH, 3],
  ["mlp.fc1", WIDTH, 4],
  ["mlp.fc2", 2 * WIDTH, 6],
];
const MATRICES = 8;

Deno.test("fact-tt equals ΔW = s U Σ V, forward and merged", async () => {
  await checkDense("fact-tt", { rank: RANK, scale: SCALE }, (tensors) => {
    const down = tensors.get("adapter.shared.down")!;
    const up = tensors.get("adapter.shared.up")!;
    for (let block = 0; block < tinyConfig.depth; block++) {
      for (const [layer, inputs] of LAYERS) {
        const module = `blocks.${block}.${layer}`;
        const core = tensors.get(`adapter.${module}.core`)!;
        const weight = tensors.get(`${module}.weight`)!;
        const columns = weight.length / inputs / WIDTH * RANK;
        const delta = plusTransposed(weight, inputs, (i, o) => {
          let sum = 0;
          for (let p = 0; p < RANK; p++) {
            for (let q = 0; q < RANK; q++) {
              const row = Math.floor(i / WIDTH) * RANK + p;
              const column = Math.floor(o / WIDTH) * RANK + q;
              sum += down[i % WIDTH * RANK + p] * core[row * columns + column] *
                up[q * WIDTH + o % WIDTH];
            }
          }
          return SCALE * sum;
        });
        tensors.set(`${module}.weight`, delta);
      }
    }
  });
});

Deno.test("fact-tk equals ΔW = s U (P C) V, forward and merged", async () => {
  await checkDense("fact-tk", { rank: RANK, scale: SCALE }, (tensors) => {
    const [down, up, core, mix] = ["down", "up", "core", "mix"]
      .map((name) => tensors.get(`adapter.shared.${name}`)!);
    for (let block = 0; block < tinyConfig.depth; block++) {
      for (const [layer, inputs, first] of LAYERS) {
        const module = `blocks.${block}.${layer}`;
        const weight = tensors.get(`${module}.weight`)!;
        const delta = plusTransposed(weight, inputs, (i, o) => {
          const piece = Math.floor(i / WIDTH) + Math.floor(o / WIDTH);
          const matrix = block * MATRICES + first + piece;
          let sum = 0;
          for (let p = 0; p < RANK; p++) {
            for (let q = 0; q < RANK; q++) {
              for (let k = 0; k < RANK; k++) {
                sum += mix[matrix * RANK + k] *
                  core[(k * RANK + p) * RANK + q] *
                  down[i % WIDTH * RANK + p] * up[q * WIDTH + o % WIDTH];
              }
            }
          }
          return SCALE * sum;
        });
        tensors.set(`${module}.weight`, delta);
      }
    }
  });
});

Deno.test("FacT refuses models whose widths differ or do not fit", () => {
  const plain = modelShape(findBackbone("vit-b16"));
  const [first, ...rest] = plain.blocks;
  for (const method of [factTt, factTk]) {
    assert.throws(
      () =>
        method.check!({}, {
          ...plain,
          blocks: [{ ...first, width: 384 }, ...rest],
        }),
      {
        name: "RangeError",
        message: "Cannot build FacT's shared factors: got widths 384, 768, " +
          "wanted one width",
      },
    );
    const tensors = new Map(plain.tensors);
    tensors.set("blocks.3.mlp.fc1.weight", [2000, 768]);
    assert.throws(() => method.check!({}, { ...plain, tensors }), {
      name: "RangeError",
      message: "Cannot build FacT's cores: got blocks.3.mlp.fc1 with " +
        "[2000,768], wanted one of its sides to be the width 768 and the " +
        "other a multiple of it",
    });
  }
});
