import assert from "node:assert/strict";
import { differentiate } from "../../../core/graph/differentiate.ts";
import { Graph } from "../../../core/graph/graph.ts";
import { plan } from "../../../core/graph/plan.ts";
import {
  checkConfig,
  modelShape,
  modelTensors,
} from "../../../core/models/architectures.ts";
import { findBackbone, zoo } from "../../../core/models/zoo.ts";
import { addOp } from "../../../core/ops/elementwise.ts";
import { openReferenceEngine } from "../../support/reference_engine.ts";
import { isHead } from "../../../core/methods/method.ts";
import { tinyConfig, tinyModel } from "../../support/tiny.ts";

/** Parameters without the head: sizes of timm's models. */
const COUNTS: Record<string, number> = {
  "vit-t8-32": 2_710_080,
  "vit-t4-32": 5_360_832,
  "vit-ti16": 5_524_416,
  "vit-s16": 21_665_664,
  "vit-b16": 85_798_656,
  "vit-l16": 303_301_632,
  "vit-h14": 630_764_800,
  // LayerScale (2 × width a block) is folded into other weights, and CLIP's
  // patches get a bias (width) that the originals do without.
  "vit-s8": 21_670_272,
  "vit-s32": 22_493_952,
  "vit-b8": 85_807_872,
  "vit-b32": 87_455_232,
  "vit-l14": 303_178_752,
  "vit-l32": 305_510_400,
  "dinov2-s14": 22_046_976,
  "dinov2-b14": 86_561_280,
  "dinov2-l14": 304_318_464,
  "dinov2-s14-reg4": 22_048_512,
  "dinov2-b14-reg4": 86_564_352,
  "dinov2-l14-reg4": 304_322_560,
  "clip-b16": 85_800_192,
  "clip-b32": 87_456_768,
  "clip-l14": 303_180_800,
  // torchvision's swin_t, swin_s, swin_b, convnext_tiny, convnext_small and
  // convnext_base, less their heads of 1,000 classes.
  "swin-t": 28_288_354 - 769_000,
  "swin-s": 49_606_258 - 769_000,
  "swin-b": 87_768_224 - 1_025_000,
  "convnext-t": 28_589_128 - 769_000,
  "convnext-s": 50_223_688 - 769_000,
  "convnext-b": 88_591_464 - 1_025_000,
};

Deno.test("zoo models have the parameters that timm's have", () => {
  const counts = [...zoo].map(([name, config]) => {
    checkConfig(config);
    let total = 0;
    for (const [tensor, { shape }] of modelTensors(config)) {
      if (isHead(modelShape(config), tensor)) continue;
      total += shape.reduce((product, size) => product * size, 1);
    }
    return [name, total];
  });
  assert.deepEqual(Object.fromEntries(counts), COUNTS);
});

Deno.test("findBackbone() suggests the nearest name", () => {
  assert.throws(() => findBackbone("vit-b-16"), {
    name: "RangeError",
    hint: "did you mean vit-b16?",
  });
});

Deno.test("checkConfig() refuses sizes that do not fit", () => {
  const refuse = (change: Record<string, number>, message: RegExp) =>
    assert.throws(() => checkConfig({ ...tinyConfig, ...change }), {
      name: "RangeError",
      message,
    });
  refuse({ patchSize: 3 }, /got image size 8 and patch size 3/);
  refuse({ heads: 5 }, /got width 24 and 5 heads/);
  refuse({ depth: 0 }, /got depth 0, wanted a whole number above 0/);
  refuse({ eps: 0 }, /got eps 0, wanted > 0/);
  refuse(
    { registers: 1.5 },
    /got 1\.5 registers, wanted a whole number from 0/,
  );
});

Deno.test("traceModel() drops a branch whose scale is zero", async () => {
  const engine = openReferenceEngine();
  const model = tinyModel(engine, "linear");
  const images = Float32Array.from({ length: 2 * 3 * 64 }, (_, i) => i % 7);
  const run = async (scales?: number[]): Promise<Float32Array> => {
    const graph = new Graph();
    const input = graph.input("images", [2, 3, 8, 8]);
    const dropPath = scales && graph.input("drop_path", [4, 2]);
    const tensor = model.tensors(graph);
    const logits = model.trace(input, tensor, { dropPath });
    const program = await engine.compile(plan({
      label: "test",
      graph,
      outputs: { logits },
      memories: model.memories,
    }));
    const inputs = { images };
    const all = scales
      ? { ...inputs, ["drop_path"]: Float32Array.from(scales) }
      : inputs;
    return (await program.run(all)).logits as Float32Array;
  };
  const plain = await run();
  assert.deepEqual(await run([1, 1, 1, 1, 1, 1, 1, 1]), plain);
  const dropped = await run([1, 1, 1, 1, 1, 1, 1, 0]);
  const classes = tinyConfig.classes;
  assert.deepEqual(dropped.subarray(0, classes), plain.subarray(0, classes));
  assert.notDeepEqual(dropped.subarray(classes), plain.subarray(classes));
});

Deno.test("a frozen backbone needs no gradient before the first adapter", () => {
  const model = tinyModel(openReferenceEngine(), "alore");
  const graph = new Graph();
  const images = graph.input("images", [2, 3, 8, 8]);
  const tensor = model.tensors(graph);
  const logits = model.trace(images, tensor);
  const wanted = [...model.trainable.slots.keys()].map(tensor);
  const forward = graph.nodes.length;
  const seed = graph.input("seed", logits.shape);
  differentiate(logits, wanted, { add: addOp, seed });
  const backward = graph.nodes.slice(forward).map(({ op }) => op.name);
  // Two norms a block and the last one, less norm1 of block 0, which stands
  // before every adapter.
  const norms = backward.filter((name) => name === "layer_norm_gradient");
  assert.equal(norms.length, 2 * tinyConfig.depth);
  assert.ok(!backward.includes("unpatches"));
});
