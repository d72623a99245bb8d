import assert from "node:assert/strict";
import { Batches } from "../../../core/train/batches.ts";
import { noAugment } from "../../../core/data/augment.ts";
import { foldedTensors } from "../../../core/merge.ts";
import { methods, resolveOptions } from "../../../core/methods/mod.ts";
import type { AdaptedModel } from "../../../core/models/adapted_model.ts";
import { HALF } from "../../../core/models/backbone.ts";
import { modelShape } from "../../../core/models/architectures.ts";
import { findBackbone } from "../../../core/models/zoo.ts";
import { RandomStream } from "../../../core/rng.ts";
import { Evaluator } from "../../../core/train/evaluate.ts";
import { defaultSettings } from "../../../core/train/settings.ts";
import { openStepper } from "../../../core/train/stepper.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import type { Engine } from "../../../kernels/engine.ts";
import { relativeError } from "../../support/assert_close.ts";
import { tinyDataset, tinyModel } from "../../support/tiny.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

/** What each method is held to; a method without a row fails. */
interface Row {
  /** Trainable numbers on ViT-B/16, without the head. */
  parameters: number;
  /** Whether it folds into the backbone. */
  merges: boolean;
  options?: Record<string, unknown>;
}

const rows: Record<string, Row[]> = {
  alore: [
    { parameters: 147_520, merges: true },
    {
      // 12 adapters of 2 · 768 · 2, and 2³ shared.
      parameters: 36_872,
      merges: true,
      options: { experts: 2, rank: 2, place: "attn", scale: 0.5 },
    },
    {
      parameters: 18_433,
      merges: true,
      options: { experts: 1, rank: 1, place: "mlp", scale: 3 },
    },
  ],
  full: [{ parameters: 85_798_656, merges: true }],
  linear: [{ parameters: 0, merges: true }],
};

/** Moves the trainable tensors away from their start. */
async function perturb(model: AdaptedModel): Promise<void> {
  for (const [name, values] of await model.read()) {
    const random = new RandomStream(11, name);
    model.write(name, values.map((v) => v + 0.1 * random.normal()));
  }
}

async function logitsOf(model: AdaptedModel): Promise<Float32Array> {
  const evaluator = await Evaluator.open(model, { preprocess: HALF });
  const split = tinyDataset().splits.get("test")!;
  const { logits } = await evaluator.evaluate(split);
  evaluator.close();
  return logits;
}

async function withEngine(work: (engine: Engine) => Promise<void>) {
  const engine = await openCpuEngine();
  try {
    await work(engine);
  } finally {
    engine.close();
  }
}

/** A plain model that shares every backbone tensor of another. */
function plainWith(
  engine: Engine,
  tensors: ReadonlyMap<string, Float32Array<ArrayBuffer>>,
): AdaptedModel {
  const plain = tinyModel(engine, "linear");
  for (const name of plain.slots.keys()) plain.write(name, tensors.get(name)!);
  return plain;
}

async function trainSteps(model: AdaptedModel, steps: number): Promise<void> {
  const settings = { ...defaultSettings, batchSize: 8, augment: noAugment };
  const stepper = await openStepper(model, settings, steps);
  const batches = new Batches(tinyDataset().splits.get("train")!, {
    batchSize: 8,
    imageSize: 8,
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

Deno.test("every method has a row", () => {
  assert.deepEqual(Object.keys(rows).sort(), [...methods.keys()].sort());
});

for (const [name, method] of methods) {
  for (const { parameters, merges, options = {} } of rows[name] ?? []) {
    const label = `${name} ${JSON.stringify(options)}`;

    Deno.test(`${label} has ${parameters} parameters on ViT-B/16`, () => {
      const shape = modelShape(findBackbone("vit-b16"));
      const resolved = resolveOptions(method, options, shape);
      const count = (size: readonly number[]) =>
        size.reduce((product, n) => product * n, 1);
      let total = 0;
      for (const [tensor, size] of shape.tensors) {
        if (method.trains(tensor) && !tensor.startsWith("head.")) {
          total += count(size);
        }
      }
      for (const tensor of method.tensors(resolved, shape)) {
        total += count(tensor.shape);
      }
      assert.equal(total, parameters);
    });

    Deno.test(`${label} starts as the frozen model`, () =>
      withEngine(async (engine) => {
        const model = tinyModel(engine, name, options);
        const all = await model.read(model.slots.keys());
        const plain = plainWith(engine, all);
        assert.deepEqual(await logitsOf(model), await logitsOf(plain));
      }));

    Deno.test(`${label} keeps frozen weights and changes the rest`, () =>
      withEngine(async (engine) => {
        const model = tinyModel(engine, name, options);
        const frozen = await model.read(model.frozen.slots.keys());
        const before = await model.read();
        await trainSteps(model, 10);
        const after = await model.read();
        assert.deepEqual(
          await model.read(model.frozen.slots.keys()),
          frozen,
        );
        for (const [tensor, values] of before) {
          assert.notDeepEqual(after.get(tensor), values, `${tensor} stayed`);
        }
      }));

    if (!merges) {
      assert.equal(method.merge, undefined);
      continue;
    }

    Deno.test(`${label} merged equals unmerged and not the base`, () =>
      withEngine(async (engine) => {
        const model = tinyModel(engine, name, options);
        const base = await logitsOf(model);
        await perturb(model);
        const unmerged = await logitsOf(model);
        const plain = plainWith(engine, await foldedTensors(model));
        const merged = await logitsOf(plain);
        assert.ok(relativeError(merged, unmerged) <= TOLERANCE.merged);
        assert.ok(relativeError(base, unmerged) > 100 * TOLERANCE.merged);
      }));
  }
}

Deno.test("alore refuses experts that do not divide the width", () => {
  const alore = methods.get("alore")!;
  const shape = modelShape(findBackbone("vit-ti16"));
  assert.throws(() => resolveOptions(alore, { experts: 5 }, shape), {
    name: "RangeError",
    message: "Cannot build the ALoRE adapters: got 5 experts for a width of " +
      "192, wanted a divisor of 192 (1, 2, 3, 4, 6, 8, 12, 16, …)",
    hint: "--experts 4 is the usual choice",
  });
});

Deno.test("resolveOptions() names what is wrong with an option", () => {
  const alore = methods.get("alore")!;
  const message = (given: Record<string, unknown>): string => {
    try {
      resolveOptions(alore, given);
      return "";
    } catch (error) {
      assert.ok(error instanceof RangeError);
      return error.message;
    }
  };
  assert.equal(
    message({ rank: 0 }),
    "Cannot configure alore: got rank 0, wanted a whole number at least 1",
  );
  assert.equal(
    message({ rank: 1.5 }),
    "Cannot configure alore: got rank 1.5, wanted a whole number at least 1",
  );
  assert.equal(
    message({ place: "head" }),
    "Cannot configure alore: got place head, wanted one of attn, mlp, both",
  );
  assert.match(message({ ranks: 2 }), /got option "ranks", wanted experts, /);
  assert.match(message({ dropout: 1 }), /at least 0 and below 1$/);
});
