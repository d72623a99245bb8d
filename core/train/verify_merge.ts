import type { Split } from "../data/dataset.ts";
import { findMethod } from "../methods/mod.ts";
import { AdaptedModel, type NamedTensors } from "../models/adapted_model.ts";
import type { Preprocess } from "../models/backbone.ts";
import { foldedTensors } from "../merge.ts";
import { EVALUATION_BATCH, Evaluator } from "./evaluate.ts";
import type { Evaluation } from "./records.ts";

/** A folded model beside the one it came from. */
export interface MergeCheck {
  /** Every tensor of the plain backbone. */
  readonly tensors: Map<string, Float32Array<ArrayBuffer>>;
  /** Names of the frozen tensors that folding changed. */
  readonly folded: readonly string[];
  /** max |merged - unmerged| over all logits. */
  readonly largestDifference: number;
  /** The same over the largest |logit|. */
  readonly relativeDifference: number;
  /** Images whose top class is the same. */
  readonly agreement: number;
  /** Images compared. */
  readonly images: number;
  /** How the folded model does on them. */
  readonly merged: Evaluation;
  /** How the unfolded model does on them. */
  readonly unmerged: Evaluation;
}

/** A fold whose logits differ by more, relative to the largest, is refused. */
export const MERGE_TOLERANCE = 1e-4;

/**
 * The same where the engine stores f16: folded weights are rounded to other
 * numbers, and every layer of both models rounds its results to 11 bits.
 */
const HALF_MERGE_TOLERANCE = 2e-2;

/**
 * Folds a model and compares it with the unfolded one on real images.
 *
 * @param split Images to compare on; also times both.
 * @throws {TypeError} If the method cannot fold.
 * @throws {RangeError} If the logits differ by more than
 * {@linkcode MERGE_TOLERANCE} of the largest, or 2e-2 where the engine stores
 * f16.
 */
export async function mergeAndCheck(
  model: AdaptedModel,
  split: Split,
  preprocess: Preprocess,
): Promise<MergeCheck> {
  const tensors = await foldedTensors(model);
  const folded = await changed(model, tensors);
  const plain = new AdaptedModel(model.engine, {
    config: model.spec.config,
    method: findMethod("linear"),
    options: {},
  });
  try {
    for (const [name, values] of tensors) plain.write(name, values);
    const unmerged = await evaluateOnce(model, split, preprocess);
    const merged = await evaluateOnce(plain, split, preprocess);
    const check = compareLogits(
      merged.logits,
      unmerged.logits,
      model.spec.config.classes,
    );
    const tolerance = model.engine.half
      ? HALF_MERGE_TOLERANCE
      : MERGE_TOLERANCE;
    if (!(check.relativeDifference <= tolerance)) {
      throw new RangeError(
        `Cannot merge the adapter: got logits that differ by ` +
          `${check.relativeDifference.toExponential(1)} of the largest, ` +
          `wanted at most ${tolerance}`,
      );
    }
    return { tensors, folded, merged, unmerged, ...check };
  } finally {
    plain.close();
  }
}

/** Names of the frozen tensors that are others now; one is read at a time. */
async function changed(
  model: AdaptedModel,
  tensors: NamedTensors,
): Promise<string[]> {
  const names: string[] = [];
  for (const name of model.frozen.slots.keys()) {
    const before = (await model.read([name])).get(name)!;
    const after = tensors.get(name);
    if (before.some((value, i) => value !== after?.[i])) names.push(name);
  }
  return names;
}

async function evaluateOnce(
  model: AdaptedModel,
  split: Split,
  preprocess: Preprocess,
): Promise<Evaluation> {
  const batchSize = Math.min(EVALUATION_BATCH, split.count);
  const evaluator = await Evaluator.open(model, { preprocess, batchSize });
  try {
    return await evaluator.evaluate(split);
  } finally {
    evaluator.close();
  }
}

/** How far two sets of logits of the same images are apart. */
export type LogitsComparison = Pick<
  MergeCheck,
  "largestDifference" | "relativeDifference" | "agreement" | "images"
>;

/**
 * Compares logits, `[images, classes]` each.
 *
 * @param b What the relative difference is relative to.
 */
export function compareLogits(
  a: Float32Array,
  b: Float32Array,
  classes: number,
): LogitsComparison {
  const images = b.length / classes;
  let [difference, largest, agreement] = [0, 0, 0];
  for (let image = 0; image < images; image++) {
    let [top, other] = [0, 0];
    const row = image * classes;
    for (let c = 0; c < classes; c++) {
      difference = Math.max(difference, Math.abs(a[row + c] - b[row + c]));
      largest = Math.max(largest, Math.abs(b[row + c]));
      if (a[row + c] > a[row + top]) top = c;
      if (b[row + c] > b[row + other]) other = c;
    }
    if (top === other) agreement++;
  }
  return {
    largestDifference: difference,
    relativeDifference: largest > 0 ? difference / largest : difference,
    agreement,
    images,
  };
}
