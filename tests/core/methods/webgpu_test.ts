/**
 * Methods on a plain vision transformer, on Swin and on ConvNeXt: the loss and
 * every gradient on WebGPU are what they are on the CPU.
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
import { tinyBackbone, tinyModel } from "../../support/tiny.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import { perturb } from "./checks.ts";
import { rows } from "./rows.ts";

const METHODS = ["alore", "lora", "repadapter", "ssf", "linear", "full"];

const BATCH = 3;

/** The loss, and its gradient for everything that trains, away from the start. */
async function lossAndGradients(
  engine: Engine,
  backbone: Backbone,
  name: string,
  options: Readonly<Record<string, unknown>>,
): Promise<Record<string, HostArray>> {
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

/** Compares both engines. */
async function compare(
  [cpu, gpu]: readonly [Engine, Engine],
  backbone: Backbone,
  name: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const wanted = await lossAndGradients(cpu, backbone, name, options);
  const found = await lossAndGradients(gpu, backbone, name, options);
  assertClose(found.loss, wanted.loss, TOLERANCE.loss, "loss");
  for (const [tensor, values] of Object.entries(wanted)) {
    assertClose(found[tensor], values, TOLERANCE.gradient, tensor);
  }
}

async function withBoth(
  work: (engines: readonly [Engine, Engine]) => Promise<void>,
): Promise<void> {
  const cpu = await openCpuEngine({ threads: 1, blas: "off" });
  try {
    const gpu = await webgpu.open();
    try {
      await work([cpu, gpu]);
    } finally {
      gpu.close();
    }
  } finally {
    cpu.close();
  }
}

const webgpu = testEngines.find(({ name }) => name === "webgpu")!;

for (const architecture of ["swin", "convnext"] as const) {
  Deno.test({
    name: `methods on a ${architecture} step on WebGPU as on the CPU`,
    ignore: webgpu.ignore,
    fn: (test) =>
      withBoth(async (engines) => {
        const backbone = shakenBackbone(architecture);
        const targets = architecture === "convnext" ? "fc1,fc2" : "q,v";
        for (const method of METHODS) {
          const options = method === "lora" ? { targets } : {};
          await test.step(
            method,
            () => compare(engines, backbone, method, options),
          );
        }
      }),
  });
}

Deno.test({
  name: "every way of using a method steps on WebGPU as on the CPU",
  ignore: webgpu.ignore,
  fn: (test) =>
    withBoth(async (engines) => {
      const ways = Object.entries(rows).flatMap(([name, own]) =>
        own.map(({ options, tiny }) => [name, { ...options, ...tiny }] as const)
      );
      for (const [name, options] of ways) {
        await test.step(
          `${name} ${JSON.stringify(options)}`,
          () => compare(engines, tinyBackbone(), name, options),
        );
      }
    }),
});
