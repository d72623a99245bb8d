/**
 * A compiled training step and the numbers that change from step to step.
 *
 * @module
 */

import {
  DeviceError,
  type HostArray,
  type Plan,
  type Program,
  type RunProfile,
} from "../../kernels/engine.ts";
import { hinted } from "../errors.ts";
import { mebibytes } from "../graph/check_plan.ts";
import type { AdaptedModel } from "../models/adapted_model.ts";
import { randomBits, RandomStream } from "../rng.ts";
import type { Batch } from "./batches.ts";
import { lossScale, scaledAdamw } from "./loss_scale.ts";
import { findNonFinite } from "./find_non_finite.ts";
import { Pace } from "./pace.ts";
import { adamwSettings, learningRate, type Schedule } from "./schedule.ts";
import type { TrainSettings } from "./settings.ts";
import { type StepOptions, trainPlan } from "./step.ts";

/** Steps in flight: enough to hide the host's work and a GPU's readback. */
const MOST_IN_FLIGHT = { cpu: 2, webgpu: 8 } as const;

/**
 * Activations above which a step is made in parts: at such sizes the products
 * are as fast with fewer images. GPUs have memory of their own, and calls that
 * cost more.
 */
const ARENA_BYTES = { cpu: 384 * 2 ** 20, webgpu: undefined } as const;

/** A compiled step. */
export interface Stepper {
  /** How many steps may be in flight, now and ever. */
  readonly depth: number;
  readonly mostInFlight: number;
  readonly arenaBytes: number;
  /** Parts that a batch is made in. */
  readonly parts: number;
  readonly plan: Plan;
  /** Starts the step with a number, counted from 0 over the whole run. */
  run(batch: Batch, step: number): Promise<Record<string, HostArray>>;
  /** Runs a step and reads the clock around every op, if the engine can. */
  profile(batch: Batch, step: number): Promise<RunProfile> | undefined;
  /** Runs a step again without its update and says which op went wrong first. */
  diagnose(batch: Batch, step: number): Promise<string | undefined>;
  /** The learning rate of a step. */
  learningRate(step: number): number;
  close(): void;
}

/**
 * Compiles a model's training step.
 *
 * @param stepsPerEpoch For the schedule.
 * @throws {RangeError} If the engine cannot hold it.
 * @throws {DeviceError} If the device has no memory for one image.
 */
export async function openStepper(
  model: AdaptedModel,
  settings: TrainSettings,
  stepsPerEpoch: number,
): Promise<Stepper> {
  const options = stepOptions(model, settings);
  const { plan, program } = await compileStep(model, options);
  const schedule: Schedule = {
    lr: settings.lr,
    minLr: settings.minLr,
    warmupSteps: Math.round(settings.warmupEpochs * stepsPerEpoch),
    totalSteps: settings.epochs * stepsPerEpoch,
  };
  const scale = lossScale(model.engine, settings.batchSize);
  const adamw = scaledAdamw(settings, scale);
  const inputsOf = (batch: Batch, step: number): Record<string, HostArray> => {
    const whole = { images: batch.images, labels: batch.labels, scale };
    const dropPath = settings.dropPath > 0
      ? dropPathScales(settings, model.branches, step)
      : undefined;
    const inputs: Record<string, HostArray> = {
      ...batchInputs(plan, whole, dropPath),
      settings: adamwSettings(step, learningRate(step, schedule), adamw),
    };
    if (plan.inputs.has("key")) inputs.key = dropoutKey(settings.seed, step);
    return inputs;
  };
  const { name } = model.engine;
  const mostInFlight = MOST_IN_FLIGHT[name];
  const pace = new Pace(mostInFlight);
  return {
    get depth() {
      return name === "cpu" ? mostInFlight : pace.depth;
    },
    mostInFlight,
    arenaBytes: plan.arenaBytes,
    parts: partsOf(plan),
    plan,
    learningRate: (step) => learningRate(step, schedule),
    async run(batch, step) {
      const started = performance.now();
      const results = await program.run(inputsOf(batch, step));
      pace.finished(started, performance.now());
      results.norm[0] /= scale;
      return results;
    },
    profile: (batch, step) => program.profile?.(inputsOf(batch, step)),
    diagnose: (batch, step) =>
      findNonFinite(model, plan, inputsOf(batch, step)),
    close: () => program.close(),
  };
}

/**
 * The plan that a stepper would compile, for who only wants to know its calls.
 *
 * @throws {RangeError} If the engine cannot hold it.
 */
export function planStep(model: AdaptedModel, settings: TrainSettings): Plan {
  return trainPlan(model, stepOptions(model, settings));
}

function stepOptions(
  { engine }: AdaptedModel,
  { batchSize, smoothing, dropPath }: TrainSettings,
): StepOptions {
  return {
    batch: batchSize,
    smoothing,
    dropPath: dropPath > 0,
    arenaBytes: ARENA_BYTES[engine.name],
  };
}

/** Halves the activations until the device has memory for them. */
async function compileStep(
  model: AdaptedModel,
  options: StepOptions,
): Promise<{ plan: Plan; program: Program }> {
  const plan = trainPlan(model, options);
  try {
    return { plan, program: await model.engine.compile(plan) };
  } catch (error) {
    if (!(error instanceof DeviceError) || !error.outOfMemory) throw error;
    const less = { ...options, arenaBytes: plan.arenaBytes / 2 };
    if (trainPlan(model, less).arenaBytes < plan.arenaBytes) {
      return await compileStep(model, less);
    }
    throw noMemory(error, model, plan, options.batch);
  }
}

/** Says what the smallest step wanted, of what, and what needs less. */
function noMemory(
  error: DeviceError,
  { engine }: AdaptedModel,
  plan: Plan,
  batch: number,
): DeviceError {
  const weights = plan.memories.reduce((sum, { bytes }) => sum + bytes, 0);
  const images = Math.ceil(batch / partsOf(plan));
  const { bufferBytes, memoryBytes } = engine.limits;
  const half = engine.name === "webgpu" && !engine.half;
  return hinted(
    new DeviceError(
      `${error.message}; with ${images} of ${batch} images at a time, wanted ` +
        `${mebibytes(plan.arenaBytes)} of activations beside ` +
        `${mebibytes(weights)} of weights, got less from ` +
        `${engine.description}, whose buffers may have ` +
        mebibytes(bufferBytes ?? memoryBytes),
      { cause: error, outOfMemory: true },
    ),
    "a smaller --backbone or --image-size needs less memory" +
      (half ? ", so does --precision f16" : "") +
      (engine.name === "webgpu" ? "; --device cpu has the system's" : ""),
  );
}

function partsOf({ inputs }: Plan): number {
  return [...inputs.keys()].filter((name) => /^labels\b/.test(name)).length;
}

/**
 * The inputs of a plan that have a batch, for each part if it has parts; `scale`
 * is the factor on gradients of an engine that stores f16.
 */
export function batchInputs(
  plan: Plan,
  { images, labels, scale = 1 }:
    & Pick<Batch, "images" | "labels">
    & { scale?: number },
  dropPath?: HostArray,
): Record<string, HostArray> {
  const inputs: Record<string, HostArray> = {};
  if (plan.inputs.has("labels")) {
    Object.assign(inputs, { images, labels });
    if (dropPath) inputs.drop_path = dropPath;
    if (plan.inputs.has("loss_scale")) {
      inputs.loss_scale = Float32Array.of(scale);
    }
    return inputs;
  }
  const labelled = labels.filter((label) => label >= 0).length;
  const floats = images.length / labels.length;
  for (let part = 0, first = 0; first < labels.length; part++) {
    const rows = plan.inputs.get(`labels ${part}`)!.shape[0];
    const end = first + rows;
    const own = labels.subarray(first, end);
    const count = own.filter((label) => label >= 0).length;
    inputs[`images ${part}`] = images.subarray(first * floats, end * floats);
    inputs[`labels ${part}`] = own;
    const share = count / Math.max(labelled, 1);
    inputs[`share ${part}`] = Float32Array.of(share);
    if (plan.inputs.has(`loss_scale ${part}`)) {
      inputs[`loss_scale ${part}`] = Float32Array.of(share * scale);
    }
    if (dropPath) {
      const from = first;
      inputs[`drop_path ${part}`] = Float32Array.from(
        { length: dropPath.length / labels.length * rows },
        (_, i) =>
          dropPath[Math.floor(i / rows) * labels.length + from + i % rows],
      );
    }
    first = end;
  }
  return inputs;
}

/** `[branches, batch]`: 0 where dropped; the rate grows with the depth. */
function dropPathScales(
  { seed, dropPath, batchSize }: TrainSettings,
  branches: readonly number[],
  step: number,
): HostArray {
  const random = new RandomStream(seed, "drop path", step);
  const last = branches.at(-1) ?? 0;
  return Float32Array.from({ length: branches.length * batchSize }, (_, i) => {
    const block = branches[Math.floor(i / batchSize)];
    const rate = last > 0 ? dropPath * block / last : dropPath;
    return random.next() >= rate ? 1 / (1 - rate) : 0;
  });
}

function dropoutKey(seed: number, step: number): HostArray {
  return Int32Array.of(
    randomBits(seed, "dropout", step, 0) | 0,
    randomBits(seed, "dropout", step, 1) | 0,
  );
}
