import assert from "node:assert/strict";
import type { Method } from "../../../core/methods/method.ts";
import { methods, resolveOptions } from "../../../core/methods/mod.ts";
import { AdaptedModel } from "../../../core/models/adapted_model.ts";
import {
  type ModelConfig,
  modelShape,
} from "../../../core/models/architectures.ts";
import { findBackbone } from "../../../core/models/zoo.ts";
import { trainPlan } from "../../../core/train/step.ts";
import type { Engine, Place, Plan } from "../../../kernels/engine.ts";
import { architectureCases } from "../../support/architectures.ts";
import {
  halfPlanningEngine,
  planningEngine,
} from "../../support/planning_engine.ts";

/** One expert of rank 1 fits every width. */
const OPTIONS: Record<string, Record<string, number>> = {
  alore: { experts: 4, rank: 1 },
};

/** A model that only plans, unless the method does not take the backbone. */
function modelOf(
  engine: Engine,
  config: ModelConfig,
  method: Method,
): AdaptedModel | undefined {
  try {
    const given = OPTIONS[method.name] ?? {};
    const options = resolveOptions(method, given, modelShape(config));
    return new AdaptedModel(engine, { config, method, options });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function placesOf({ calls, inputs, outputs }: Plan): Place[] {
  return [
    ...calls.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]),
    ...inputs.values(),
    ...outputs.values(),
  ].filter((place) => place !== undefined);
}

function isHalf({ dtype }: Place): boolean {
  return dtype === "f16";
}

/** What trains, and what the host has, must be f32. */
function checkTypes(model: AdaptedModel, made: Plan): void {
  const { frozen, memories } = model;
  const labels = made.memories.map(({ label }) => label);
  const block = labels.indexOf(frozen.region) + 1;
  const matrices = new Set(
    [...frozen.slots.values()].filter(({ shape }) => shape.length > 1)
      .map(({ offset }) => offset),
  );
  for (const place of placesOf(made)) {
    if (place.block === 0) continue;
    const wanted = place.block === block && matrices.has(place.offset);
    assert.equal(isHalf(place), wanted, `${labels[place.block - 1]}`);
  }
  for (const place of [...made.inputs.values(), ...made.outputs.values()]) {
    assert.ok(!isHalf(place));
  }
  assert.ok(memories.size > 0);
}

for (const [name, config] of architectureCases) {
  Deno.test(`plan() stores f16 for every method on ${name}`, () => {
    for (const method of methods.values()) {
      const model = modelOf(halfPlanningEngine(), config, method);
      if (!model) continue;
      const step = { batch: 4, smoothing: 0.1 };
      const whole = trainPlan(model, { ...step, dropPath: true });
      checkTypes(model, whole);
      const parts = { ...step, dropPath: false, arenaBytes: 1 };
      checkTypes(model, trainPlan(model, parts));
      checkTypes(model, model.forwardPlan(3));
      const halves = placesOf(whole).filter(isHalf);
      assert.ok(halves.length > whole.calls.length, method.name);
    }
  });
}

/** Calls of a plan that make parameter gradients, by the memory they end in. */
function inGradientRegion(made: Plan): Place[] {
  const block = made.memories.findIndex(({ label }) => label === "gradient");
  return made.calls.flatMap(({ outputs }) => outputs)
    .filter((place): place is Place => place?.block === block + 1);
}

Deno.test("plan() keeps the gradients of parameters in f32 part by part", () => {
  const method = methods.get("bitfit")!;
  const [config] = architectureCases.values();
  const model = modelOf(halfPlanningEngine(), config, method)!;
  const made = trainPlan(model, {
    batch: 64,
    smoothing: 0,
    dropPath: false,
    arenaBytes: 1,
  });
  assert.ok(inGradientRegion(made).length > 0);
  const sums = made.calls.filter(({ kernel, outputs }) =>
    kernel === "add" && inGradientRegion(made).includes(outputs[0]!)
  );
  assert.ok(sums.length > 0);
  for (const { inputs } of sums) {
    for (const place of inputs) assert.ok(place && !isHalf(place));
  }
});

Deno.test("plan() halves the arena and the frozen weights of ViT-B/16", () => {
  const config = findBackbone("vit-b16");
  const method = methods.get("alore")!;
  const [full, half] = [planningEngine(), halfPlanningEngine()].map(
    (engine) => {
      const model = modelOf(engine, config, method)!;
      const step = { batch: 32, smoothing: 0, dropPath: false };
      const { arenaBytes } = trainPlan(model, step);
      return { arenaBytes, frozen: model.frozen.bytes };
    },
  );
  assert.ok(half.arenaBytes < 0.52 * full.arenaBytes, `${half.arenaBytes}`);
  assert.ok(half.frozen < 0.505 * full.frozen, `${half.frozen}`);
});
