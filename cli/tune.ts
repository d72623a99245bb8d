/**
 * Tunes the matrix products of models for this machine's WebGPU adapter.
 *
 * @module
 */

import { noAugment } from "../core/data/augment.ts";
import { hinted } from "../core/errors.ts";
import type { AdaptedModel } from "../core/models/adapted_model.ts";
import { matmul } from "../core/ops/matmul.ts";
import { defaultSettings } from "../core/train/settings.ts";
import { planStep } from "../core/train/stepper.ts";
import { DeviceError, type Engine, type Plan } from "../kernels/engine.ts";
import { openTunable } from "../kernels/open_engine.ts";
import {
  type AdapterReport,
  loadTuning,
  productsOf,
  saveTuning,
  type TunedShape,
  tuneMatmul,
  type Tuner,
  tuningTarget,
  variantName,
} from "../kernels/webgpu/mod.ts";
import { lookForAdapter } from "./device.ts";
import { count } from "./format.ts";
import type { Input } from "./input.ts";
import type { Output } from "./output.ts";

/** How often a forward pass and a training step compute a product. */
interface Uses {
  forward: number;
  training: number;
}

/** Builds the models to tune for. */
export type OpenModels = (engine: Engine) => Iterable<AdaptedModel>;

/**
 * Tunes every product of the models' forward passes and training steps, and
 * keeps the table.
 *
 * @returns The document for `--json`.
 * @throws {DeviceError} If there is no adapter, or it computes wrong results.
 * @throws {TypeError} If the table cannot be kept.
 */
export async function tune(
  input: Input,
  output: Output,
  models: OpenModels,
): Promise<unknown> {
  if (input.text("device") === "cpu") {
    throw hinted(
      new TypeError("Cannot tune: got --device cpu, wanted webgpu"),
      "the cpu engine has nothing to tune",
    );
  }
  const adapter = await lookForAdapter();
  const path = adapter && tuningTarget(adapter);
  const loaded = adapter && await loadTuning(adapter);
  if (loaded?.note) output.warn(loaded.note);
  const choices = loaded?.choices ?? new Map();
  const { engine, choose } = await openTunable({
    allowSoftware: true,
    check: "never",
  });
  try {
    if (!adapter) throw new DeviceError("Cannot tune: the adapter has gone");
    const batch = input.number("batch-size");
    output.print(`${engine.description} · batches of ${batch}`);
    output.print();
    const wanted = wantedOf(models(engine), batch, adapter);
    const { reference } = matmul;
    const tuner: Tuner = { engine, choose, adapter, reference };
    const shapes = await tuneAll(tuner, wanted, output);
    for (const { key, best } of shapes) choices.set(key, best.variant);
    await saveTuning(adapter, choices);
    output.print();
    printSums(shapes, wanted, output);
    output.print(`Kept in ${path}`);
    return { adapter: engine.description, path, batchSize: batch, shapes };
  } finally {
    engine.close();
  }
}

function wantedOf(
  models: Iterable<AdaptedModel>,
  batch: number,
  adapter: AdapterReport,
): Map<string, Uses> {
  const wanted = new Map<string, Uses>();
  const add = (plan: Plan, use: keyof Uses) => {
    for (const [key, calls] of productsOf(plan, adapter)) {
      const uses = wanted.get(key) ?? { forward: 0, training: 0 };
      uses[use] += calls;
      wanted.set(key, uses);
    }
  };
  const settings = { ...defaultSettings, augment: noAugment, batchSize: batch };
  for (const model of models) {
    add(model.forwardPlan(batch), "forward");
    add(planStep(model, settings), "training");
    model.close();
  }
  return wanted;
}

async function tuneAll(
  tuner: Tuner,
  wanted: ReadonlyMap<string, Uses>,
  output: Output,
): Promise<TunedShape[]> {
  const widest = Math.max(0, ...[...wanted.keys()].map((key) => key.length));
  const row = (cells: string[]) =>
    output.print(
      [
        cells[0].padEnd(widest),
        cells[1].padEnd(26),
        cells[2].padStart(8),
        "  " + cells[3].padEnd(26),
        cells[4].padStart(8),
      ].join(" "),
    );
  row(["matrix product", "by the rule", "GFLOP/s", "fastest", "GFLOP/s"]);
  const shapes: TunedShape[] = [];
  for (const key of wanted.keys()) {
    const shape = await tuneMatmul(tuner, key);
    const { rule, best, wrong } = shape;
    row([
      key,
      variantName(rule.variant),
      rule.rate.toFixed(2),
      rule.variant === best.variant ? "the same" : variantName(best.variant),
      best.rate.toFixed(2),
    ]);
    for (const variant of wrong) {
      output.warn(`${variant} computes wrong results here, and is not used`);
    }
    shapes.push(shape);
  }
  return shapes;
}

/** What the products of all models take in sum, before and after. */
function printSums(
  shapes: readonly TunedShape[],
  wanted: ReadonlyMap<string, Uses>,
  output: Output,
): void {
  for (const [use, title] of USES) {
    let [before, after] = [0, 0];
    for (const { key, flops, rule, best } of shapes) {
      const calls = wanted.get(key)?.[use] ?? 0;
      before += calls * flops / rule.rate / 1e6;
      after += calls * flops / best.rate / 1e6;
    }
    output.print(
      `Products of ${title}: ${count(Math.round(before))} ms by the rule, ` +
        `${count(Math.round(after))} ms tuned`,
    );
  }
}

const USES = [
  ["forward", "a forward pass"],
  ["training", "a training step"],
] as const;
