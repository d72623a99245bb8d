/**
 * One training step as a plan: forward, loss, backward, clip, update.
 *
 * @module
 */

import type { Plan } from "../../kernels/engine.ts";
import { checkPlan, planFits } from "../graph/check_plan.ts";
import { differentiate } from "../graph/differentiate.ts";
import { Graph, type Slot, type Value } from "../graph/graph.ts";
import { plan } from "../graph/plan.ts";
import type { AdaptedModel } from "../models/adapted_model.ts";
import { adamw } from "../ops/adamw.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { scaleRows } from "../ops/dropout.ts";
import { add, addOp, copy } from "../ops/elementwise.ts";

/** Places of dropout that a part of the batch has at most. */
const SITES = 1 << 16;

/** What shapes a step. */
export interface StepOptions {
  readonly batch: number;
  /** Label smoothing, in [0, 1). */
  readonly smoothing: number;
  /** Whether residual branches are dropped: adds the input `drop_path`. */
  readonly dropPath: boolean;
  /**
   * Bytes of activations above which the batch is made in parts, one after the
   * other, as far as that helps; left out, it is only where the engine cannot
   * hold the whole.
   */
  readonly arenaBytes?: number;
  /** Also read the gradients, and the logits (of the first part), for tests. */
  readonly inspect?: boolean;
}

/** A plan has nodes for every part; a batch of more is refused as too large. */
const MAX_PARTS = 64;

/**
 * Plans a training step.
 *
 * Inputs: `images` `[batch, channels, size, size]`, `labels` `[batch]` i32,
 * `settings` `[8]` of AdamW, with drop path `drop_path` `[branches, batch]`, and
 * where the method drops elements `key` `[2]` i32. Outputs: `loss`, `correct`, `norm`, each `[1]`.
 *
 * On an engine that stores f16, `loss_scale` `[1]` is the factor on all gradients
 * and `norm`; see {@linkcode lossScale}.
 *
 * If the batch is made in parts, the inputs with a batch come for each part,
 * with its number behind the name (`images 0`), and `share 0` `[1]` is the part
 * of the rows with a label that it has, with which its `loss_scale 0` is
 * multiplied.
 *
 * @throws {RangeError} If the engine cannot hold it.
 */
export function trainPlan(model: AdaptedModel, options: StepOptions): Plan {
  const { batch, arenaBytes = Infinity } = options;
  let made = planParts(model, options, 1);
  let parts = 1;
  const most = Math.min(batch, MAX_PARTS);
  const { limits } = model.engine;
  // The engine cuts calls and bindings, but no tensor larger than a buffer.
  while (!planFits(made, limits) && parts < most) {
    parts = Math.min(most, 2 * parts);
    made = planParts(model, options, parts);
  }
  while (made.arenaBytes > arenaBytes && parts < most) {
    const wanted = Math.ceil(parts * made.arenaBytes / arenaBytes);
    parts = Math.min(most, Math.max(parts + 1, wanted));
    const next = planParts(model, options, parts);
    // Gradients that wait for the other parts may outweigh what is saved.
    if (next.arenaBytes > 0.8 * made.arenaBytes) break;
    made = next;
  }
  checkPlan(made, limits);
  return made;
}

function planParts(
  model: AdaptedModel,
  options: StepOptions,
  parts: number,
): Plan {
  const { batch } = options;
  const graph = new Graph();
  const settings = graph.input("settings", [8]);
  const tensor = model.tensors(graph);
  const slots = [...model.trainable.slots.values()];
  const wanted = slots.map((slot) => tensor(slot.name));
  let step = tracePart(graph, {
    model,
    options,
    tensor,
    wanted,
    parts,
    part: 0,
  });
  for (let part = 1; part < parts; part++) {
    const next = tracePart(graph, {
      model,
      options,
      tensor,
      wanted,
      parts,
      part,
    });
    step = addParts(step, next);
  }
  const { loss, correct, logits, gradients } = step;
  const pins = pinGradients(slots, wanted, gradients);
  const norm = adamw(optimizerState(graph, model), settings);
  const inspected = options.inspect
    ? { logits, ...namedGradients(slots, wanted, gradients) }
    : {};
  return plan({
    label: `training step of ${batch} images`,
    graph,
    outputs: { loss, correct, norm, ...inspected },
    memories: model.memories,
    pins,
    bufferBytes: model.engine.limits.bufferBytes,
    half: model.engine.half,
  });
}

/** What a part of the batch gives, or all parts up to one. */
interface PartResults {
  readonly loss: Value;
  readonly correct: Value;
  readonly logits: Value;
  readonly gradients: Map<Value, Value>;
}

/** Traces the forward and backward pass of a part of the batch. */
function tracePart(
  graph: Graph,
  { model, options, tensor, wanted, parts, part }: {
    model: AdaptedModel;
    options: StepOptions;
    tensor: (name: string) => Value;
    wanted: readonly Value[];
    parts: number;
    part: number;
  },
): PartResults {
  const { channels, imageSize } = model.spec.config;
  const first = (index: number) => Math.floor(options.batch * index / parts);
  const batch = first(part + 1) - first(part);
  const named = (name: string) => parts === 1 ? name : `${name} ${part}`;
  const size = [batch, channels, imageSize, imageSize];
  const images = graph.input(named("images"), size);
  const labels = graph.input(named("labels"), [batch], "i32");
  const logits = model.trace(images, tensor, {
    dropPath: options.dropPath
      ? graph.input(named("drop_path"), [model.branches.length, batch])
      : undefined,
    key: () => graph.inputs.get("key") ?? graph.input("key", [2], "i32"),
    firstSite: part * SITES,
  });
  const { loss, correct } = crossEntropy(logits, labels, options.smoothing);
  const share = parts === 1 ? undefined : graph.input(named("share"), [1]);
  const seed = model.engine.half
    ? graph.input(named("loss_scale"), [1])
    : share;
  const gradients = differentiate(loss, wanted, { add: addOp, seed });
  const shared = share ? scaleRows(loss, share) : loss;
  return { loss: shared, correct, logits, gradients };
}

function addParts(sum: PartResults, next: PartResults): PartResults {
  const gradients = new Map(next.gradients);
  for (const [value, gradient] of sum.gradients) {
    const more = next.gradients.get(value);
    gradients.set(value, more ? addExactly(gradient, more) : gradient);
  }
  return {
    loss: addExactly(sum.loss, next.loss),
    correct: addExactly(sum.correct, next.correct),
    logits: sum.logits,
    gradients,
  };
}

/** A sum of results of parts, which no precision rounds. */
function addExactly(a: Value, b: Value): Value {
  const sum = add(a, b);
  for (const value of [a, b, sum]) value.graph.exact.add(value.root);
  return sum;
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
