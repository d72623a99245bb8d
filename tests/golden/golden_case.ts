// deno-lint-ignore-file camelcase -- the names of the golden format
/**
 * Runs one golden case on one engine and compares every number.
 *
 * The format and the tolerances are in tests/fixtures/golden/README.md.
 *
 * @module
 */

import { findMethod, resolveOptions } from "../../core/methods/mod.ts";
import type { Method } from "../../core/methods/method.ts";
import {
  AdaptedModel,
  type NamedTensors,
} from "../../core/models/adapted_model.ts";
import type { VitConfig } from "../../core/models/vit.ts";
import { foldedTensors } from "../../core/merge.ts";
import type { Batch } from "../../core/train/batches.ts";
import { lossScale, scaledAdamw } from "../../core/train/loss_scale.ts";
import { adamwSettings, learningRate } from "../../core/train/schedule.ts";
import { trainPlan } from "../../core/train/step.ts";
import { batchInputs } from "../../core/train/stepper.ts";
import {
  readSafetensors,
  type SafetensorsFile,
  toFloat32,
  toInt32,
} from "../../core/weights/safetensors.ts";
import type { Engine, HostArray } from "../../kernels/engine.ts";
import { relativeError } from "../support/relative_error.ts";
import { HALF_TOLERANCE, TOLERANCE } from "../support/tolerance.ts";

/** The configuration in a case's metadata, as far as it is used here. */
interface GoldenConfig {
  batch: number;
  model: Record<string, number>;
  method: Record<string, number | string>;
  loss: { label_smoothing: number };
  optim: {
    lr: number;
    betas: [number, number];
    eps: number;
    weight_decay: number;
    warmup_steps: number;
    total_steps: number;
    min_lr: number;
    clip_grad_norm: number | null;
    steps: number;
  };
  merged: string[];
}

/** A number kind that was compared, and the worst error found. */
export interface GoldenCheck {
  readonly kind: keyof typeof HALF_TOLERANCE;
  readonly tensor: string;
  readonly error: number;
  readonly ok: boolean;
}

/** Golden option names that differ from ours. */
const OPTION_NAMES: Record<string, string> = {
  n: "experts",
  r: "rank",
  p: "prompts",
  s: "scale",
  placement: "place",
};

/**
 * Runs the case in a file.
 *
 * @throws {RangeError} If its method does not exist.
 */
export async function runGolden(
  engine: Engine,
  path: string,
): Promise<GoldenCheck[]> {
  return await runGoldenFile(engine, await readSafetensors(path));
}

/** As {@linkcode runGolden}, for a case that has been read. */
export async function runGoldenFile(
  engine: Engine,
  file: SafetensorsFile,
): Promise<GoldenCheck[]> {
  const config: GoldenConfig = JSON.parse(file.metadata.config);
  const { type, ...settings } = config.method;
  const method = findMethod(String(type));
  const options = resolveOptions(
    method,
    {
      ...withoutDropout(method),
      ...Object.fromEntries(
        Object.entries(settings).map(([k, v]) => [OPTION_NAMES[k] ?? k, v]),
      ),
    },
  );
  const model = new AdaptedModel(engine, {
    config: vitConfig(config),
    method,
    options,
    originals: originalsOf(file),
  });
  for (const name of model.slots.keys()) {
    model.write(name, expected(file, storedName(name)));
  }
  const checks: GoldenCheck[] = [];
  const compare: Compare = (kind, tensor, actual) => {
    const error = relativeError(actual, expected(file, `expect.${tensor}`));
    const tolerance = engine.half ? HALF_TOLERANCE[kind] : TOLERANCE[kind];
    checks.push({ kind, tensor, error, ok: error <= tolerance });
  };
  await checkMerge(model, config, file, compare);
  await checkTraining(model, config, file, compare);
  model.close();
  return checks;
}

/** The cases drop nothing, whatever the method does by default. */
function withoutDropout({ options }: Method): Record<string, number> {
  const drops = options.filter(({ name }) => /dropout$/i.test(name));
  return Object.fromEntries(drops.map(({ name }) => [name, 0]));
}

type Compare = (
  kind: keyof typeof HALF_TOLERANCE,
  tensor: string,
  actual: ArrayLike<number>,
) => void;

function vitConfig({ model }: GoldenConfig): VitConfig {
  return {
    architecture: "vit",
    imageSize: model.image_size,
    patchSize: model.patch_size,
    channels: model.in_chans,
    width: model.dim,
    depth: model.depth,
    heads: model.heads,
    mlpHidden: model.mlp_hidden,
    classes: model.classes,
    eps: model.ln_eps,
  };
}

function storedName(name: string): string {
  return name.startsWith("adapter.") ? name : `backbone.${name}`;
}

/** The backbone's tensors by name, as f32. */
function originalsOf(file: SafetensorsFile): NamedTensors {
  const prefix = "backbone.";
  const names = [...file.tensors.keys()].filter((n) => n.startsWith(prefix));
  return new Map(
    names.map((name) => [name.slice(prefix.length), expected(file, name)]),
  );
}

function expected(
  file: SafetensorsFile,
  name: string,
): Float32Array<ArrayBuffer> {
  const tensor = file.tensors.get(name);
  if (!tensor) throw new TypeError(`Cannot find ${name} in the golden case`);
  return toFloat32(tensor) as Float32Array<ArrayBuffer>;
}

async function checkMerge(
  model: AdaptedModel,
  config: GoldenConfig,
  file: SafetensorsFile,
  compare: Compare,
): Promise<void> {
  if (config.merged.length === 0) return;
  const folded = await foldedTensors(model);
  for (const name of config.merged) {
    const tensor = folded.get(name.replace(/^backbone\./, ""));
    compare("merged", `merged.${name}`, tensor ?? []);
  }
  const plain = new AdaptedModel(model.engine, {
    config: model.spec.config,
    method: findMethod("linear"),
    options: {},
  });
  for (const name of plain.slots.keys()) {
    plain.write(name, folded.get(name) ?? expected(file, storedName(name)));
  }
  const program = await model.engine.compile(plain.forwardPlan(config.batch));
  const { logits } = await program.run({
    images: expected(file, "input.images"),
  });
  compare("logits", "merged_logits", logits);
  program.close();
  plain.close();
}

async function checkTraining(
  model: AdaptedModel,
  config: GoldenConfig,
  file: SafetensorsFile,
  compare: Compare,
): Promise<void> {
  const { optim, loss, batch } = config;
  const plan = trainPlan(model, {
    batch,
    smoothing: loss.label_smoothing,
    dropPath: false,
    inspect: true,
  });
  const program = await model.engine.compile(plan);
  const labels = file.tensors.get("input.labels");
  if (!labels) throw new TypeError("Cannot find input.labels");
  const scale = lossScale(model.engine, batch);
  const inputs = batchInputs(plan, {
    images: expected(file, "input.images"),
    labels: toInt32(labels) as Batch["labels"],
    scale,
  });
  const losses: number[] = [];
  const rates: number[] = [];
  const norms: number[] = [];
  for (let step = 0; step < optim.steps; step++) {
    const lr = learningRate(step, {
      lr: optim.lr,
      minLr: optim.min_lr,
      warmupSteps: optim.warmup_steps,
      totalSteps: optim.total_steps,
    });
    const results = await program.run({
      ...inputs,
      settings: adamwSettings(
        step,
        lr,
        scaledAdamw({
          betas: optim.betas,
          eps: optim.eps,
          weightDecay: optim.weight_decay,
          clip: optim.clip_grad_norm ?? 0,
        }, scale),
      ),
    });
    if (step === 0) compareFirst(results, scale, compare);
    losses.push(results.loss[0]);
    rates.push(lr);
    norms.push(results.norm[0] / scale);
  }
  compare("loss", "losses", losses);
  compare("learningRate", "lrs", rates);
  compare("gradient", "grad_norms", norms);
  for (const [name, values] of await model.read()) {
    compare("step", `step3.${storedName(name)}`, values);
  }
  program.close();
}

function compareFirst(
  results: Record<string, HostArray>,
  scale: number,
  compare: Compare,
): void {
  compare("logits", "logits", results.logits);
  compare("loss", "loss", results.loss);
  for (const [name, values] of Object.entries(results)) {
    if (!name.startsWith("gradient ")) continue;
    const tensor = storedName(name.slice("gradient ".length));
    compare("gradient", `grad.${tensor}`, values.map((g) => g / scale));
  }
}
