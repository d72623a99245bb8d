/**
 * Adapting a backbone to a data set, in one call.
 *
 * @module
 */

import type { Engine } from "../../kernels/engine.ts";
import type { Dataset, SplitName } from "../data/dataset.ts";
import { hinted } from "../errors.ts";
import { findMethod, resolveOptions } from "../methods/mod.ts";
import type { AdaptedModel, NamedTensors } from "../models/adapted_model.ts";
import { type Backbone, writeBackbone } from "../models/backbone.ts";
import { buildModel } from "../models/build_model.ts";
import { modelShape } from "../models/architectures.ts";
import type { SharedBackbone } from "../models/shared_backbone.ts";
import { checkData } from "./check_data.ts";
import { Evaluator } from "./evaluate.ts";
import type { EpochRecord, Evaluation, StepProgress } from "./records.ts";
import {
  defaultSettings,
  settingsFor,
  type TrainSettings,
} from "./settings.ts";
import { train } from "./trainer.ts";
import { mergeAndCheck, type MergeCheck } from "./verify_merge.ts";

/** What {@linkcode adapt} takes; every setting has a default. */
export interface AdaptRequest extends Partial<TrainSettings> {
  /** Computes; stays open afterwards. */
  readonly engine: Engine;
  /** The pretrained weights. */
  readonly backbone: Backbone;
  /** The same weights already on the engine; left out, the model has a copy. */
  readonly shared?: SharedBackbone;
  /** Its `train` split trains, its `validation` split picks the best epoch. */
  readonly data: Dataset;
  /** Name of a method, such as `alore`. */
  readonly method: string;
  /** Options of the method, such as `{ experts: 4, rank: 4 }`. */
  readonly options?: Readonly<Record<string, number | string>>;
  /** Stops the training early when it aborts. */
  readonly signal?: AbortSignal;
  /** Called after every step. */
  onStep?(progress: StepProgress): void;
  /** Called after every epoch. */
  onEpoch?(record: EpochRecord): void;
}

/** A backbone that was adapted, with its records. */
export class Adapted {
  /** The model, with the tensors of the last epoch. */
  readonly model: AdaptedModel;
  /** One record an epoch. */
  readonly records: readonly EpochRecord[];
  /** Trained tensors of the best epoch by validation, if there was any. */
  readonly best: NamedTensors | undefined;
  readonly #request: AdaptRequest;

  /** Made by {@linkcode adapt}. */
  constructor(
    model: AdaptedModel,
    request: AdaptRequest,
    result: { records: readonly EpochRecord[]; best?: NamedTensors },
  ) {
    this.model = model;
    this.records = result.records;
    this.best = result.best;
    this.#request = request;
  }

  /**
   * Evaluates on a split of the data, the test images by default.
   *
   * @throws {RangeError} If the data have no such split.
   */
  async evaluate(name: SplitName = "test"): Promise<Evaluation> {
    const { preprocess } = this.#request.backbone;
    const evaluator = await Evaluator.open(this.model, { preprocess });
    try {
      return await evaluator.evaluate(this.#split(name));
    } finally {
      evaluator.close();
    }
  }

  /**
   * Folds the adapter into the backbone and compares the two on a split.
   *
   * @throws {TypeError} If the method is not linear and cannot fold.
   * @throws {RangeError} If the folded logits differ from the unfolded ones.
   */
  async merge(name: SplitName = "test"): Promise<Merged> {
    const { backbone } = this.#request;
    const split = this.#split(name);
    const check = await mergeAndCheck(this.model, split, backbone.preprocess);
    return {
      ...check,
      save: (path) =>
        writeBackbone(path, {
          config: this.model.spec.config,
          preprocess: backbone.preprocess,
          tensors: check.tensors,
        }, {
          metadata: {
            classes: JSON.stringify(this.#request.data.classes),
            resize: JSON.stringify(this.#request.data.description.resize),
          },
        }),
    };
  }

  #split(name: SplitName) {
    const split = this.#request.data.splits.get(name);
    if (split?.count) return split;
    throw hinted(
      new RangeError(
        `Cannot evaluate: got data without ${name} images, wanted some`,
      ),
      `it has ${[...this.#request.data.splits.keys()].join(", ")}`,
    );
  }

  /** Frees the model's memory; the engine stays open. */
  close(): void {
    this.model.close();
  }

  /** Frees the model's memory at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** A plain model that gives the adapted one's logits. */
export interface Merged extends MergeCheck {
  /** Writes it as safetensors with timm's names; refuses an existing path. */
  save(path: string): Promise<void>;
}

/**
 * Adapts a backbone to a data set.
 *
 * @returns The adapted model, to be closed by the caller or by `using`.
 * @throws {RangeError} If an option or setting is out of range, the data do not
 * fit the backbone, the engine cannot hold a step, or the loss stops being
 * finite.
 */
export async function adapt(request: AdaptRequest): Promise<Adapted> {
  const { engine, backbone, shared, data, signal, onStep, onEpoch } = request;
  checkData(data, backbone, { source: data.description.name });
  const method = findMethod(request.method);
  const settings: TrainSettings = {
    ...settingsFor(method),
    ...settingsIn(request),
  };
  const options = resolveOptions(
    method,
    request.options ?? {},
    modelShape(backbone.config),
  );
  const model = buildModel({
    engine,
    backbone,
    shared,
    method,
    options,
    classes: data.classes.length,
    seed: settings.seed,
  });
  try {
    const { records, best } = await train({
      model,
      dataset: data,
      preprocess: backbone.preprocess,
      settings,
      signal,
      onStep,
      onEpoch,
    });
    return new Adapted(model, request, { records, best: best?.tensors });
  } catch (error) {
    model.close();
    throw error;
  }
}

/** The settings among the fields of a request. */
function settingsIn(request: AdaptRequest): Partial<TrainSettings> {
  const names = [...Object.keys(defaultSettings), "augment"];
  return Object.fromEntries(
    Object.entries(request)
      .filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}
