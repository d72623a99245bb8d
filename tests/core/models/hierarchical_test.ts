import assert from "node:assert/strict";
import { differentiate } from "../../../core/graph/differentiate.ts";
import { Graph } from "../../../core/graph/graph.ts";
import { plan } from "../../../core/graph/plan.ts";
import { findMethod } from "../../../core/methods/mod.ts";
import {
  checkConfig,
  modelTensors,
} from "../../../core/models/architectures.ts";
import { type Backbone, readBackbone } from "../../../core/models/backbone.ts";
import { buildModel } from "../../../core/models/build_model.ts";
import { findBackbone } from "../../../core/models/zoo.ts";
import { addOp } from "../../../core/ops/elementwise.ts";
import {
  readSafetensors,
  toFloat32,
} from "../../../core/weights/safetensors.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import type { Engine, HostArray } from "../../../kernels/engine.ts";
import { assertClose } from "../../support/assert_close.ts";
import { testEngines } from "../../support/engines.ts";
import { inFolder } from "../../support/folder.ts";
import {
  type Expected,
  hierarchical,
  hierarchicalCase,
} from "../../support/hierarchical.ts";
import { logitsOf } from "../../support/logits.ts";
import { openReferenceEngine } from "../../support/reference_engine.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import { python, runPython } from "../../support/python.ts";

/** Gradients of Σ logits · upstream towards every tensor. */
async function gradientsOf(
  engine: Engine,
  backbone: Backbone,
  { gradients, numbers }: Expected,
): Promise<Record<string, HostArray>> {
  const { config } = backbone;
  using model = buildModel({
    engine,
    backbone,
    method: findMethod("full"),
    options: {},
    classes: config.classes,
    seed: 0,
    trained: backbone.tensors,
  });
  const graph = new Graph();
  const tensor = model.tensors(graph);
  const { channels, imageSize } = config;
  const size = [2, channels, imageSize, imageSize];
  const logits = model.trace(graph.input("images", size), tensor);
  const seed = graph.input("seed", logits.shape);
  const wanted = gradients.map(tensor);
  const found = differentiate(logits, wanted, { add: addOp, seed });
  const program = await engine.compile(plan({
    label: "gradients",
    graph,
    outputs: Object.fromEntries(
      gradients.map((name) => [name, found.get(tensor(name))!]),
    ),
    memories: model.memories,
  }));
  const inputs = { images: numbers("images"), seed: numbers("upstream") };
  const result = await program.run(inputs);
  program.close();
  return result;
}

const engines = [
  { name: "reference", ignore: false, open: openReferenceEngine },
  ...testEngines,
];

for (const { name, ignore, open } of engines) {
  for (const model of hierarchical) {
    Deno.test({
      name: `${model} equals PyTorch's forward pass and gradients [${name}]`,
      ignore,
      fn: async () => {
        const { backbone, expected } = await hierarchicalCase(model);
        const engine = await open();
        try {
          const images = expected.numbers("images");
          const logits = await logitsOf(engine, backbone, images);
          const wanted = expected.numbers("logits");
          assertClose(logits, wanted, TOLERANCE.logits, model);
          const names = [...modelTensors(backbone.config).keys()];
          assert.deepEqual(expected.gradients.toSorted(), names.toSorted());
          const found = await gradientsOf(engine, backbone, expected);
          for (const tensor of names) {
            const values = expected.numbers(`grad.${tensor}`);
            assertClose(found[tensor], values, TOLERANCE.gradient, tensor);
          }
        } finally {
          engine.close();
        }
      },
    });
  }
}

for (
  const [name, label] of [["swin_t", "swin-t"], ["convnext_tiny", "convnext-t"]]
) {
  Deno.test({
    name: `torchvision's ${name} is ${label}, to the logits`,
    ignore: !python,
    fn: () =>
      inFolder(async (folder) => {
        await runPython("fixtures/make/make_hierarchical.py", folder, name);
        const { tensors } = await readSafetensors(
          `${folder}/${name}_expected.safetensors`,
        );
        const backbone = await readBackbone(`${folder}/${name}.safetensors`);
        assert.deepEqual(backbone.config, findBackbone(label));
        const engine = await openCpuEngine();
        try {
          const images = toFloat32(tensors.get("images")!);
          const logits = await logitsOf(
            engine,
            backbone,
            images as Float32Array<ArrayBuffer>,
          );
          const wanted = toFloat32(tensors.get("logits")!);
          assertClose(logits, wanted, TOLERANCE.logits, name);
        } finally {
          engine.close();
        }
      }),
  });
}

Deno.test("checkConfig() refuses sizes of Swin and ConvNeXt that do not fit", () => {
  const refuse = (name: string, change: object, message: RegExp) =>
    assert.throws(() => checkConfig({ ...findBackbone(name), ...change }), {
      name: "RangeError",
      message,
    });
  refuse("swin-t", { imageSize: 222 }, /image size 222 and patch size 4/);
  refuse("swin-t", { heads: [3, 6, 12] }, /4 depths and 3 numbers of heads/);
  refuse("swin-t", { heads: [5, 6, 12, 24] }, /width 96 and 5 heads/);
  refuse("swin-t", { depths: [2, 0, 6, 2] }, /depths 2,0,6,2, wanted a whole/);
  refuse("swin-t", { window: 0 }, /window 0/);
  refuse("convnext-t", { depths: [3, 3] }, /4 widths and 2 depths/);
  refuse("convnext-t", { widths: [6, 8, 8, 8] }, /width 6, wanted a multiple/);
  refuse("convnext-t", { imageSize: 16 }, /image size 16, wanted at least 32/);
  refuse("convnext-t", { eps: 0 }, /eps 0, wanted > 0/);
});
