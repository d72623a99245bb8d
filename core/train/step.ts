/**
 * One training step as a plan: forward, loss, backward, clip, update.
 *
 * @module
 */

import type { Plan } from "../../kernels/engine.ts";
import { checkPlan } from "../graph/check_plan.ts";
import { differentiate } from "../graph/differentiate.ts";
import { Graph, type Slot, type Value } from "../graph/graph.ts";
import { plan } from "../graph/plan.ts";
import type { AdaptedModel } from "../models/adapted_model.ts";
import { adamw } from "../ops/adamw.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { addOp, copy } from "../ops/elementwise.ts";

/** What shapes a step. */
export interface StepOptions {
  readonly batch: number;
  /** Label smoothing, in [0, 1). */
  readonly smoothing: number;
  /** Whether residual branches are dropped: adds the input `drop_path`. */
  readonly dropPath: boolean;
  /** Also read the gradients and logits, for tests. */
  readonly inspect?: boolean;
}

/**
 * Plans a training step.
 *
 * Inputs: `images` `[batch, channels, size, size]`, `labels` `[batch]` i32,
 * `settings` `[8]` of AdamW, with drop path `drop_path` `[branches, batch]`, and
 * where the method drops elements `key` `[2]` i32. Outputs: `loss`, `correct`, `norm`, each `[1]`.
 *
 * @throws {RangeError} If the engine cannot hold it.
 */
export function trainPlan(model: AdaptedModel, options: StepOptions): Plan {
  const { batch, smoothing } = options;
  const { channels, imageSize } = model.spec.config;
  const graph = new Graph();
  const size = [batch, channels, imageSize, imageSize];
  const images = graph.input("images", size);
  const labels = graph.input("labels", [batch], "i32");
  const settings = graph.input("settings", [8]);
  const tensor = model.tensors(graph);
  const logits = model.trace(images, tensor, {
    dropPath: options.dropPath
      ? graph.input("drop_path", [model.branches.length, batch])
      : undefined,
    key: () => graph.inputs.get("key") ?? graph.input("key", [2], "i32"),
  });
  const { loss, correct } = crossEntropy(logits, labels, smoothing);
  const slots = [...model.trainable.slots.values()];
  const wanted = slots.map((slot) => tensor(slot.name));
  const gradients = differentiate(loss, wanted, { add: addOp });
  const pins = pinGradients(slots, wanted, gradients);
  const norm = adamw(optimizerState(graph, model), settings);
  const inspected = options.inspect
    ? { logits, ...namedGradients(slots, wanted, gradients) }
    : {};
  const made = plan({
    label: `training step of ${batch} images`,
    graph,
    outputs: { loss, correct, norm, ...inspected },
    memories: model.memories,
    pins,
  });
  checkPlan(made, model.engine.limits);
  return made;
}

/** The flat ranges of the optimizer, in memories that training adds. */
function optimizerState(
  graph: Graph,
  model: AdaptedModel,
): Record<"parameter" | "gradient" | "moment1" | "moment2", Value> {
  const flat = (region: string): Value => {
    model.memory(region, model.trainable.bytes);
    return graph.stored(model.trainable.flat(region));
  };
  return {
    parameter: flat("trainable"),
    gradient: flat("gradient"),
    moment1: flat("moment1"),
    moment2: flat("moment2"),
  };
}

/** Puts each gradient where the flat gradient range expects it. */
function pinGradients(
  slots: Slot[],
  wanted: Value[],
  gradients: Map<Value, Value>,
): Map<Value, { region: string; offset: number }> {
  const pins = new Map<Value, { region: string; offset: number }>();
  for (const [i, { offset }] of slots.entries()) {
    let gradient = gradients.get(wanted[i]);
    if (!gradient) continue;
    const taken = pins.has(gradient.root);
    if (taken || gradient.root.source.kind !== "node") {
      gradient = copy(gradient);
      gradients.set(wanted[i], gradient);
    }
    pins.set(gradient.root, { region: "gradient", offset });
  }
  return pins;
}

function namedGradients(
  slots: Slot[],
  wanted: Value[],
  gradients: Map<Value, Value>,
): Record<string, Value> {
  const named: Record<string, Value> = {};
  for (const [i, { name }] of slots.entries()) {
    const gradient = gradients.get(wanted[i]);
    if (gradient) named[`gradient ${name}`] = gradient;
  }
  return named;
}
