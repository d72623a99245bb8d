/**
 * The training loop.
 *
 * @module
 */

import {
  DeviceError,
  type HostArray,
  type Memory,
} from "../../kernels/engine.ts";
import type { Dataset } from "../data/dataset.ts";
import { hinted } from "../errors.ts";
import type { AdaptedModel, NamedTensors } from "../models/adapted_model.ts";
import type { Preprocess } from "../models/backbone.ts";
import { type Batch, Batches } from "./batches.ts";
import { EVALUATION_BATCH, Evaluator } from "./evaluate.ts";
import type { EpochRecord, StepProgress } from "./records.ts";
import type {
  OptimizerState,
  RunDirectory,
  RunProgress,
} from "./run_directory.ts";
import { checkSettings, type TrainSettings } from "./settings.ts";
import { openStepper, type Stepper } from "./stepper.ts";

/** What to train, and who listens. */
export interface TrainRequest {
  /** Its tensors are written already: backbone loaded, the rest initialised. */
  readonly model: AdaptedModel;
  readonly dataset: Dataset;
  readonly preprocess: Preprocess;
  readonly settings: TrainSettings;
  /** Where records, adapters and state go; left out, nothing is stored. */
  readonly run?: RunDirectory;
  /** Continue from the state in `run`, if it has one. */
  readonly resume?: boolean;
  /** When it aborts, the run saves its state and returns. */
  readonly signal?: AbortSignal;
  /**
   * Seconds after which the state is saved within an epoch too, so that little
   * is lost with the device; 60.
   */
  readonly saveSeconds?: number;
  /** Told the bytes of a step's activations before the first step. */
  onPlanned?(plan: PlannedStep): void;
  onStep?(progress: StepProgress): void;
  onEpoch?(record: EpochRecord): void;
}

/** What a step takes. */
export interface PlannedStep {
  /** Bytes of its activations, allocated once. */
  readonly arenaBytes: number;
  /** Parts that a batch is made in, one after the other. */
  readonly parts: number;
}

/** What came of it; the model holds the tensors of the last step. */
export interface TrainResult {
  readonly records: readonly EpochRecord[];
  /** The best epoch by validation, and its trained tensors. */
  readonly best?: {
    readonly epoch: number;
    readonly top1: number;
    readonly tensors: NamedTensors;
  };
  /** Whether the signal stopped it before the last epoch. */
  readonly interrupted: boolean;
  /** Bytes of the training step's arena. */
  readonly arenaBytes: number;
}

/**
 * Trains a model with AdamW under a cosine schedule.
 *
 * On one engine the result depends on the request alone: a run that was
 * interrupted and resumed ends with the same bits as one that was not.
 *
 * @throws {RangeError} If a setting is out of range, the data do not fit the
 * model, the engine cannot hold a step, or the loss stops being finite; the
 * message names the step and the op.
 * @throws {DeviceError} If the device fails; with a run directory the state of
 * at most `saveSeconds` before is kept there, and where there is none yet, a run
 * that resumes begins as this one did.
 */
export async function train(request: TrainRequest): Promise<TrainResult> {
  checkSettings(request.settings);
  checkData(request);
  const { model, dataset, settings, preprocess } = request;
  const split = dataset.splits.get("train")!;
  const validation = dataset.splits.get("validation");
  const batches = new Batches(split, {
    batchSize: settings.batchSize,
    imageSize: model.spec.config.imageSize,
    preprocess,
    augment: settings.augment,
    seed: settings.seed,
  });
  const stepper = await openStepper(model, settings, batches.steps);
  let evaluator: Evaluator | undefined;
  try {
    evaluator = validation && await Evaluator.open(model, {
      preprocess,
      batchSize: Math.min(EVALUATION_BATCH, validation.count),
    });
    const loop = new Loop(request, batches, stepper, evaluator);
    await loop.restore();
    const { arenaBytes, parts } = stepper;
    request.onPlanned?.({ arenaBytes, parts });
    return await loop.run();
  } finally {
    stepper.close();
    evaluator?.close();
  }
}

function checkData({ model, dataset }: TrainRequest): void {
  const { imageSize, classes } = model.spec.config;
  if (dataset.imageSize !== imageSize) {
    throw hinted(
      new RangeError(
        `Cannot train: got images of ${dataset.imageSize} pixels, wanted the ` +
          `backbone's ${imageSize}`,
      ),
      `prepare the data again with --size ${imageSize}`,
    );
  }
  if (dataset.classes.length !== classes) {
    throw new RangeError(
      `Cannot train: got data of ${dataset.classes.length} classes, wanted ` +
        `the model's ${classes}`,
    );
  }
  if (!dataset.splits.get("train")?.count) {
    throw new RangeError("Cannot train: got no training images, wanted some");
  }
}

const NO_SUMS = { loss: 0, correct: 0, images: 0, norm: 0, seconds: 0 };

/** One run from where it stands to its end. */
class Loop {
  readonly #request: TrainRequest;
  readonly #batches: Batches;
  readonly #stepper: Stepper;
  readonly #evaluator: Evaluator | undefined;
  readonly #memories: Record<keyof OptimizerState, Memory>;
  #records: EpochRecord[] = [];
  #best: TrainResult["best"];
  #epoch = 0;
  #step = 0;
  #sums: RunProgress["sums"] = NO_SUMS;
  /** What the state on the disk holds, and when that was looked after last. */
  #saved: { epoch: number; step: number } | undefined;
  #savedAt = performance.now();

  constructor(
    request: TrainRequest,
    batches: Batches,
    stepper: Stepper,
    evaluator: Evaluator | undefined,
  ) {
    this.#request = request;
    this.#batches = batches;
    this.#stepper = stepper;
    this.#evaluator = evaluator;
    const { model } = request;
    const memory = (region: string) =>
      model.memory(region, model.trainable.bytes);
    this.#memories = {
      trainable: memory("trainable"),
      moment1: memory("moment1"),
      moment2: memory("moment2"),
    };
  }

  /** Goes back to the saved state, if there is one to go back to. */
  async restore(): Promise<void> {
    const { run, resume, model } = this.#request;
    if (!run || !resume) return;
    const saved = await run.readState(model.trainable.count);
    this.#records = await run.keepRecords(saved?.progress.epoch ?? 0);
    if (!saved) return;
    for (const [name, memory] of Object.entries(this.#memories)) {
      memory.write(saved.state[name as keyof OptimizerState], 0);
    }
    const { epoch, step, sums, best } = saved.progress;
    [this.#epoch, this.#step, this.#sums] = [epoch, step, sums];
    this.#saved = { epoch, step };
    if (best) {
      this.#best = { ...best, tensors: await run.readAdapter("best") };
    }
  }

  async run(): Promise<TrainResult> {
    const { settings, signal } = this.#request;
    try {
      while (this.#epoch < settings.epochs && !signal?.aborted) {
        await this.#runEpoch();
        if (this.#step === this.#batches.steps) await this.#finishEpoch();
      }
    } catch (error) {
      throw error instanceof DeviceError ? this.#withRemedy(error) : error;
    }
    const interrupted = this.#epoch < settings.epochs;
    if (interrupted && this.#step > 0) await this.#saveState();
    return {
      records: this.#records,
      best: this.#best,
      interrupted,
      arenaBytes: this.#stepper.arenaBytes,
    };
  }

  /** Runs steps until the epoch is over or the signal aborts. */
  async #runEpoch(): Promise<void> {
    const { signal } = this.#request;
    const { mostInFlight } = this.#stepper;
    const slots = Array.from(
      { length: mostInFlight },
      () => this.#batches.allocate(),
    );
    this.#batches.shuffle(this.#epoch);
    const pending: [Batch, Promise<Record<string, HostArray>>][] = [];
    let started = performance.now();
    const collect = async (): Promise<void> => {
      const [batch, promise] = pending.shift()!;
      const results = await promise;
      await this.#check(batch, results);
      this.#count(batch.count, results);
      const now = performance.now();
      this.#sums = {
        ...this.#sums,
        seconds: this.#sums.seconds + (now - started) / 1000,
      };
      started = now;
      this.#step++;
      this.#report();
    };
    try {
      for (let next = this.#step; next < this.#batches.steps; next++) {
        while (pending.length >= this.#stepper.depth) await collect();
        if (signal?.aborted) break;
        if (this.#mustSave(next)) {
          while (pending.length > 0) await collect();
          await this.#saveState();
          started = performance.now();
        }
        const batch = slots[next % mostInFlight];
        this.#batches.fill(batch, next);
        const step = this.#epoch * this.#batches.steps + next;
        pending.push([batch, this.#stepper.run(batch, step)]);
      }
      while (pending.length > 0) await collect();
    } finally {
      // Steps that are still in flight after an error must not outlive it.
      await Promise.allSettled(pending.map(([, promise]) => promise));
    }
  }

  /** Whether steps were made long enough ago without being saved. */
  #mustSave(next: number): boolean {
    const { run, saveSeconds = 60 } = this.#request;
    if (!run || next === 0) return false;
    return performance.now() - this.#savedAt >= 1000 * saveSeconds;
  }

  /** Says what is left of a run whose device failed. */
  #withRemedy(error: DeviceError): DeviceError {
    const { run } = this.#request;
    if (!run) return error;
    // The first state follows from the configuration alone.
    const left = this.#saved
      ? `the state after step ${this.#saved.step} of epoch ` +
        `${this.#saved.epoch + 1} is saved; continue`
      : "it had saved no step yet; start again from the first";
    return hinted(
      error,
      `${left} with: deno task alore train --resume ${run.path}`,
    );
  }

  /**
   * Stops on numbers that are none.
   *
   * @throws {RangeError} It names the step and the op that they came from.
   */
  async #check(
    batch: Batch,
    { loss: [loss], norm: [norm] }: Record<string, HostArray>,
  ): Promise<void> {
    if (Number.isFinite(loss) && Number.isFinite(norm)) return;
    const { run } = this.#request;
    const [epoch, step] = [this.#epoch + 1, this.#step + 1];
    const number = this.#epoch * this.#batches.steps + this.#step;
    const origin = await this.#stepper.diagnose(batch, number) ??
      "made again, the step has none, because later steps changed the weights";
    const kept = run && this.#epoch > 0
      ? `what epoch ${this.#epoch} left is kept in ${run.path}; `
      : "";
    throw hinted(
      new RangeError(
        `Cannot go on training: got a loss of ${loss} and a gradient norm ` +
          `of ${norm} at epoch ${epoch}, step ${step}, wanted finite ` +
          `numbers; ${origin}`,
      ),
      `${kept}try a smaller --lr or a --clip-grad` +
        (this.#request.model.engine.half ? ", or --precision f32" : ""),
    );
  }

  /** Adds a step's results to the sums. */
  #count(images: number, results: Record<string, HostArray>): void {
    const [loss] = results.loss;
    const [norm] = results.norm;
    const sums = this.#sums;
    this.#sums = {
      loss: sums.loss + loss * images,
      correct: sums.correct + results.correct[0],
      images: sums.images + images,
      norm: Math.max(sums.norm, norm),
      seconds: sums.seconds,
    };
  }

  #report(): void {
    const { loss, correct, images, seconds } = this.#sums;
    this.#request.onStep?.({
      epoch: this.#epoch + 1,
      epochs: this.#request.settings.epochs,
      step: this.#step,
      steps: this.#batches.steps,
      loss: loss / images,
      top1: correct / images,
      imagesPerSecond: images / seconds,
    });
  }

  async #finishEpoch(): Promise<void> {
    const { dataset, run, onEpoch } = this.#request;
    const { loss, correct, images, norm, seconds } = this.#sums;
    const validation = dataset.splits.get("validation");
    const checked = validation && await this.#evaluator?.evaluate(validation);
    const last = (this.#epoch + 1) * this.#batches.steps - 1;
    const record: EpochRecord = {
      epoch: this.#epoch + 1,
      lr: this.#stepper.learningRate(last),
      trainLoss: loss / images,
      trainTop1: correct / images,
      gradientNorm: norm,
      validationLoss: checked?.loss,
      validationTop1: checked?.top1,
      seconds,
      imagesPerSecond: images / seconds,
    };
    this.#records.push(record);
    await this.#keepAdapters(record);
    [this.#epoch, this.#step, this.#sums] = [this.#epoch + 1, 0, NO_SUMS];
    // The state comes last: whatever is ahead of it is made again on resume.
    await run?.appendRecord(record);
    await this.#saveState();
    onEpoch?.(record);
  }

  async #keepAdapters(record: EpochRecord): Promise<void> {
    const { model, run } = this.#request;
    const { epoch, validationTop1: top1 } = record;
    const improved = top1 !== undefined && top1 > (this.#best?.top1 ?? -1);
    if (!run && !improved) return;
    const tensors = await model.read();
    await run?.saveAdapter("last", tensors, model.slots, epoch);
    if (!improved) return;
    this.#best = { epoch, top1, tensors };
    await run?.saveAdapter("best", tensors, model.slots, epoch);
  }

  async #saveState(): Promise<void> {
    const { run } = this.#request;
    if (!run) return;
    const read = async (memory: Memory) =>
      new Float32Array(await memory.read(0, memory.bytes));
    const { trainable, moment1, moment2 } = this.#memories;
    await run.saveState({
      trainable: await read(trainable),
      moment1: await read(moment1),
      moment2: await read(moment2),
    }, {
      epoch: this.#epoch,
      step: this.#step,
      sums: this.#sums,
      best: this.#best && { epoch: this.#best.epoch, top1: this.#best.top1 },
    });
    this.#saved = { epoch: this.#epoch, step: this.#step };
    this.#savedAt = performance.now();
  }
}
