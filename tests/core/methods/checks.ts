/**
 * What the conformance suite of methods is made of.
 *
 * @module
 */

import assert from "node:assert/strict";
import { noAugment } from "../../../core/data/augment.ts";
import { differentiate } from "../../../core/graph/differentiate.ts";
import { Graph, type Value } from "../../../core/graph/graph.ts";
import type { AdaptedModel } from "../../../core/models/adapted_model.ts";
import { type Backbone, HALF } from "../../../core/models/backbone.ts";
import { buildModel } from "../../../core/models/build_model.ts";
import type { SharedBackbone } from "../../../core/models/shared_backbone.ts";
import { crossEntropy } from "../../../core/ops/cross_entropy.ts";
import { addOp } from "../../../core/ops/elementwise.ts";
import { RandomStream } from "../../../core/rng.ts";
import { Batches } from "../../../core/train/batches.ts";
import { Evaluator } from "../../../core/train/evaluate.ts";
import { RunDirectory } from "../../../core/train/run_directory.ts";
import { defaultSettings } from "../../../core/train/settings.ts";
import { openStepper } from "../../../core/train/stepper.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import type { Engine } from "../../../kernels/engine.ts";
import { evaluate } from "../../support/evaluate.ts";
import { inFolder } from "../../support/folder.ts";
import { openReferenceEngine } from "../../support/reference_engine.ts";
import { tinyConfig, tinyDataset, tinyModel } from "../../support/tiny.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

/** Runs work on a CPU engine. */
export async function withEngine(
  work: (engine: Engine) => Promise<void>,
): Promise<void> {
  const engine = await openCpuEngine({ threads: 1 });
  try {
    await work(engine);
  } finally {
    engine.close();
  }
}

/** Moves what trains away from its start. */
export async function perturb(model: AdaptedModel): Promise<void> {
  for (const name of model.trainable.slots.keys()) {
    const values = (await model.read([name])).get(name)!;
    const random = new RandomStream(11, name);
    model.write(name, values.map((v) => v + 0.1 * random.normal()));
  }
}

/** The logits of the tiny test images. */
export async function logitsOf(model: AdaptedModel): Promise<Float32Array> {
  const evaluator = await Evaluator.open(model, { preprocess: HALF });
  const split = tinyDataset().splits.get("test")!;
  const { logits } = await evaluator.evaluate(split);
  evaluator.close();
  return logits;
}

/** A plain model that shares every backbone tensor of another. */
export function plainWith(
  engine: Engine,
  tensors: ReadonlyMap<string, Float32Array<ArrayBuffer>>,
  backbone?: Backbone,
): AdaptedModel {
  const plain = tinyModel(engine, "linear", {}, backbone);
  for (const name of plain.slots.keys()) plain.write(name, tensors.get(name)!);
  return plain;
}

/** Trains on the tiny training images. */
export async function trainSteps(
  model: AdaptedModel,
  steps: number,
): Promise<void> {
  const settings = { ...defaultSettings, batchSize: 8, augment: noAugment };
  const stepper = await openStepper(model, settings, steps);
  const batches = new Batches(tinyDataset().splits.get("train")!, {
    batchSize: 8,
    imageSize: tinyConfig.imageSize,
    preprocess: HALF,
    seed: 0,
  });
  const batch = batches.allocate();
  for (let step = 0; step < steps; step++) {
    batches.fill(batch, step % batches.steps);
    await stepper.run(batch, step);
  }
  stepper.close();
}

/**
 * Saves a model's adapter and builds the model again, from another seed and over
 * a shared backbone.
 */
export async function reloaded(
  shared: SharedBackbone,
  model: AdaptedModel,
): Promise<AdaptedModel> {
  const { engine, backbone } = shared;
  const { config, method, options } = model.spec;
  let found: AdaptedModel | undefined;
  await inFolder(async (folder) => {
    const run = await RunDirectory.create(`${folder}/run`, {
      format: "alore-run",
      version: 1,
      alore: "0.0.0",
      method: method.name,
      options,
      settings: { ...defaultSettings, augment: noAugment },
      model: config,
      preprocess: HALF,
      backbone: { source: "tiny", hash: "tiny" },
      data: {
        source: "tiny",
        hash: "tiny",
        name: "tiny",
        resize: tinyDataset().description.resize,
      },
      classes: tinyDataset().classes,
      engine: engine.description,
    });
    await run.saveAdapter("last", await model.read(), model.slots, 1);
    const { config: stored } = await RunDirectory.open(run.path);
    found = buildModel({
      engine,
      backbone,
      shared,
      method,
      options: stored.options,
      classes: config.classes,
      seed: 1234,
      trained: await run.readAdapter(),
    });
  });
  return found!;
}

/** Far enough that rounding in float64 is small, near enough for a slope. */
const STEP = 1e-5;

/**
 * Compares the gradient of each trainable tensor with central differences along
 * a random direction, all in float64 and away from the start.
 */
export async function checkGradients(
  name: string,
  options: Readonly<Record<string, unknown>>,
  backbone?: Backbone,
): Promise<void> {
  const model = tinyModel(openReferenceEngine(), name, options, backbone);
  await perturb(model);
  const numbers = await model.read(model.slots.keys());
  const [forward, backward] = [traceLoss(model), traceLoss(model)];
  const slots = [...model.trainable.slots.keys()];
  const wanted = slots.map((slot) => backward.tensor(slot));
  const gradients = differentiate(backward.loss, wanted, { add: addOp });
  const point = new Map(
    [...numbers].map(([key, values]) => [key, Float64Array.from(values)]),
  );
  const look = evaluate(backward.graph, backward.feeds(point));
  for (const [i, slot] of slots.entries()) {
    const gradient = gradients.get(wanted[i]);
    assert.ok(gradient, `${slot} has no gradient`);
    const random = new RandomStream(5, slot);
    const direction = look(gradient).map(() => random.normal());
    const at = (step: number): number => {
      const moved = point.get(slot)!.map((v, j) => v + step * direction[j]);
      const feeds = forward.feeds(new Map([...point, [slot, moved]]));
      return evaluate(forward.graph, feeds)(forward.loss)[0];
    };
    const numeric = (at(STEP) - at(-STEP)) / (2 * STEP);
    const [slope, size] = look(gradient).reduce(
      ([dot, squares], g, j) => [dot + g * direction[j], squares + g * g],
      [0, 0],
    );
    const error = Math.abs(slope - numeric) / Math.max(Math.sqrt(size), 1e-3);
    assert.ok(
      error <= TOLERANCE.methodGradient,
      `${slot}: slope ${slope}, by differences ${numeric}`,
    );
  }
}

/** The loss of three images as a graph, and what its values are fed. */
function traceLoss(model: AdaptedModel): {
  graph: Graph;
  loss: Value;
  tensor(name: string): Value;
  feeds(
    tensors: ReadonlyMap<string, Float64Array>,
  ): ReadonlyMap<Value, Float64Array>;
} {
  const { channels, imageSize } = model.spec.config;
  const graph = new Graph();
  const images = graph.input("images", [3, channels, imageSize, imageSize]);
  const labels = graph.input("labels", [3], "i32");
  const used = new Map<string, Value>();
  const stored = model.tensors(graph);
  const tensor = (name: string): Value => {
    used.set(name, stored(name));
    return stored(name);
  };
  const { loss } = crossEntropy(model.trace(images, tensor), labels, 0.1);
  const random = new RandomStream(9, "images");
  const pixels = Float64Array.from(
    { length: images.count },
    () => random.normal(),
  );
  return {
    graph,
    loss,
    tensor,
    feeds: (tensors) =>
      new Map([
        [images, pixels],
        [labels, Float64Array.of(0, 1, 2)],
        ...[...used].map(([name, value]) =>
          [value, tensors.get(name)!] as const
        ),
      ]),
  };
}
