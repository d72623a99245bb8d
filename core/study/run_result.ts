/**
 * What a finished run of a study leaves: `result.json`, and in
 * `test.safetensors` what it takes each test image for.
 *
 * @module
 */

import { z } from "zod";
import type { Split } from "../data/dataset.ts";
import type { MethodOptions } from "../methods/method.ts";
import type { Evaluation } from "../train/records.ts";
import type { TrainSettings } from "../train/settings.ts";
import {
  readSafetensors,
  type StoredTensor,
  toInt32,
  writeSafetensors,
} from "../weights/safetensors.ts";

/** Accuracy on the test images; shares are in [0, 1]. */
export interface TestResult {
  readonly count: number;
  readonly correct: number;
  readonly top1: number;
  readonly top5: number;
  readonly meanPerClass: number;
  readonly loss: number;
}

/** A finished run; one line of `results.jsonl`. */
export interface RunResult {
  readonly format: "alore-result";
  readonly version: 1;
  /** The run's identity and the name of its folder. */
  readonly hash: string;
  readonly method: string;
  /** All of the method's, resolved. */
  readonly options: MethodOptions;
  /** All, the seed included. */
  readonly settings: TrainSettings;
  readonly backbone: { readonly source: string; readonly hash: string };
  readonly data: {
    readonly source: string;
    readonly hash: string;
    readonly name: string;
  };
  /** Of frozen weights and activations, where it is not f32. */
  readonly precision?: "f16";
  readonly classes: number;
  readonly seed: number;
  /** Trained numbers without the head, and those of the head. */
  readonly parameters: number;
  readonly headParameters: number;
  /** After the last epoch. */
  readonly test: TestResult;
  /** At the epoch that was best on the validation images, if there are any. */
  readonly best?: {
    readonly epoch: number;
    readonly validationTop1: number;
    readonly test: TestResult;
  };
  /** On the validation images after each epoch; empty if there are none. */
  readonly validationTop1: readonly number[];
  /** Training alone. */
  readonly seconds: number;
  /** Training images a second. */
  readonly imagesPerSecond: number;
  /** Test images a second. */
  readonly testImagesPerSecond: number;
  readonly engine: string;
  /** Where it ran; empty where that is not known. */
  readonly host: string;
  /** Version of the toolkit. */
  readonly alore: string;
  /** When it was finished, ISO 8601. */
  readonly date: string;
}

const share = z.number().min(0).max(1);

const testResult = z.object({
  count: z.int().positive(),
  correct: z.int().min(0),
  top1: share,
  top5: share,
  meanPerClass: share,
  loss: z.number(),
});

const runResult = z.object({
  format: z.literal("alore-result"),
  version: z.literal(1),
  hash: z.string().regex(/^[0-9a-f]+$/),
  method: z.string(),
  options: z.record(z.string(), z.union([z.string(), z.number()])),
  settings: z.looseObject({
    epochs: z.int(),
    seed: z.int(),
    augment: z.record(z.string(), z.number()),
  }),
  backbone: z.object({ source: z.string(), hash: z.string() }),
  data: z.object({ source: z.string(), hash: z.string(), name: z.string() }),
  precision: z.literal("f16").optional(),
  classes: z.int().positive(),
  seed: z.int(),
  parameters: z.int().min(0),
  headParameters: z.int().min(0),
  test: testResult,
  best: z.object({
    epoch: z.int(),
    validationTop1: share,
    test: testResult,
  }).optional(),
  validationTop1: z.array(share),
  seconds: z.number(),
  imagesPerSecond: z.number(),
  testImagesPerSecond: z.number(),
  engine: z.string(),
  host: z.string(),
  alore: z.string(),
  date: z.string(),
});

/**
 * Parses a result.
 *
 * @param text One JSON document.
 * @param path What messages call it.
 * @throws {SyntaxError} If it is none; the message names the field.
 */
export function parseResult(text: string, path: string): RunResult {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(
      `Cannot read the result ${path}: got text that is not JSON`,
      { cause },
    );
  }
  const result = runResult.safeParse(json);
  if (result.success) return json as RunResult;
  const [issue] = result.error.issues;
  throw new SyntaxError(
    `Cannot read the result ${path}: got a wrong field ` +
      `"${issue.path.join(".")}" (${issue.message}), wanted what a study wrote`,
  );
}

/** The numbers of an evaluation that a result keeps. */
export function testResultOf(found: Evaluation): TestResult {
  const { count, top1, top5, meanPerClass, loss } = found;
  const correct = Math.round(top1 * count);
  return { count, correct, top1, top5, meanPerClass, loss };
}

/** What a run takes each test image for, and what it is; `[count]` each. */
export interface TestPredictions {
  readonly labels: Int32Array<ArrayBuffer>;
  /** After the last epoch. */
  readonly predictions: Int32Array<ArrayBuffer>;
}

/** Writes the predictions of an evaluation, so that runs can be paired. */
export async function writePredictions(
  path: string,
  { logits, count }: Evaluation,
  { labels }: Split,
  data: string,
): Promise<void> {
  const classes = logits.length / count;
  const predictions = Int32Array.from({ length: count }, (_, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(row.reduce((a, b) => Math.max(a, b), -Infinity));
  });
  await writeSafetensors(path, {
    metadata: { format: "alore-test", data },
    tensors: new Map([
      ["labels", stored(labels)],
      ["predictions", stored(predictions)],
    ]),
  }, { overwrite: true });
}

function stored(values: Int32Array<ArrayBuffer>): StoredTensor {
  return {
    dtype: "I32",
    shape: [values.length],
    data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}

/**
 * Reads a run's predictions on the test images.
 *
 * @throws {RangeError} If there are none.
 */
export async function readPredictions(path: string): Promise<TestPredictions> {
  const { tensors } = await readSafetensors(path);
  const [labels, predictions] = ["labels", "predictions"]
    .map((name) => tensors.get(name));
  if (labels && predictions) {
    return { labels: toInt32(labels), predictions: toInt32(predictions) };
  }
  throw new RangeError(
    `Cannot read ${path}: got ${
      [...tensors.keys()].join(", ") || "nothing"
    }, ` +
      "wanted labels and predictions",
  );
}
