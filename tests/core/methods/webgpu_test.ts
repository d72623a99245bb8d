/**
 * Methods on Swin and ConvNeXt: a training step on WebGPU is what it is on the
 * CPU.
 *
 * @module
 */

import { differentiate } from "../../../core/graph/differentiate.ts";
import { Graph } from "../../../core/graph/graph.ts";
import { plan } from "../../../core/graph/plan.ts";
import type { Backbone } from "../../../core/models/backbone.ts";
import { crossEntropy } from "../../../core/ops/cross_entropy.ts";
import { addOp } from "../../../core/ops/elementwise.ts";
import { RandomStream } from "../../../core/rng.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import type { Engine, HostArray } from "../../../kernels/engine.ts";
import { assertClose } from "../../support/assert_close.ts";
import { testEngines } from "../../support/engines.ts";
import { shakenBackbone } from "../../support/hierarchical.ts";
import { tinyModel } from "../../support/tiny.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import { perturb } from "./checks.ts";

const METHODS = ["alore", "lora", "repadapter", "ssf", "linear", "full"];

const BATCH = 3;

/** The loss, and its gradient for everything that trains, away from the start. */
async function lossAndGradients(
  engine: Engine,
  backbone: Backbone,
  name: string,
): Promise<Record<string, HostArray>> {
  const isConvNext = backbone.config.architecture === "convnext";
  const targets = isConvNext ? "fc1,fc2" : "q,v";
  const options = name === "lora" ? { targets } : {};
  using model = tinyModel(engine, name, options, backbone);
  await perturb(model);
  const { channels, imageSize } = model.spec.config;
  const graph = new Graph();
  const images = graph.input(
    "images",
    [BATCH, channels, imageSize, imageSize],
  );
  const labels = graph.input("labels", [BATCH], "i32");
  const tensor = model.tensors(graph);
  const { loss } = crossEntropy(model.trace(images, tensor), labels, 0.1);
  const names = [...model.trainable.slots.keys()];
  const gradients = differentiate(loss, names.map(tensor), { add: addOp });
  const outputs = names.map((slot) => [slot, gradients.get(tensor(slot))!]);
  const program = await engine.compile(plan({
    label: `a step of ${name}`,
    graph,
    outputs: { loss, ...Object.fromEntries(outputs) },
    memories: model.memories,
    bufferBytes: engine.limits.bufferBytes,
  }));
  const random = new RandomStream(9, "images");
  const pixels = new Float32Array(images.count).map(() => random.normal());
  const feeds = { images: pixels, labels: Int32Array.of(0, 1, 2) };
  const found = await program.run(feeds);
  program.close();
  return found;
}

const webgpu = testEngines.find(({ name }) => name === "webgpu")!;

for (const architecture of ["swin", "convnext"] as const) {
  Deno.test({
    name: `methods on a ${architecture} step on WebGPU as on the CPU`,
    ignore: webgpu.ignore,
    fn: async (test) => {
      const backbone = shakenBackbone(architecture);
      const cpu = await openCpuEngine({ threads: 1, blas: "off" });
      const gpu = await webgpu.open();
      try {
        for (const method of METHODS) {
          await test.step(method, async () => {
            const wanted = await lossAndGradients(cpu, backbone, method);
            const found = await lossAndGradients(gpu, backbone, method);
            assertClose(found.loss, wanted.loss, TOLERANCE.loss, "loss");
            for (const [name, values] of Object.entries(wanted)) {
              assertClose(found[name], values, TOLERANCE.gradient, name);
            }
          });
        }
      } finally {
        gpu.close();
        cpu.close();
      }
    },
  });
}
