/**
 * Opens what an export wrote, from the disk, and compares what it computes.
 *
 * @module
 */

import type { Split } from "../data/dataset.ts";
import { inspectBackbone } from "../models/backbone.ts";
import {
  compareLogits,
  type LogitsComparison,
  MERGE_TOLERANCE,
} from "../train/verify_merge.ts";
import type { ExportDtype, ExportedModel } from "./exported_model.ts";
import { encodeOnnx } from "./onnx.ts";
import { runOnnx } from "./verify_onnx.ts";

/** What logits may differ by, relative to the largest. */
const TOLERANCE: Readonly<Record<ExportDtype, number>> = {
  F32: MERGE_TOLERANCE,
  F16: 1e-2,
};

/** What an export is held against. */
export interface ExportCheck {
  /** What was encoded. */
  readonly model: ExportedModel;
  /** How its numbers were stored. */
  readonly dtype: ExportDtype;
  /** Images to compare on. */
  readonly split: Split;
  /** This toolkit's logits of them, `[count, classes]`. */
  readonly logits: Float32Array;
}

/** The comparison of one of an export's files. */
export interface VerifiedFile extends LogitsComparison {
  /** Its path inside the folder. */
  readonly file: string;
}

/**
 * Verifies every file of an export that holds the weights: an ONNX file is run
 * by onnxruntime as it is; a safetensors file is read as a backbone, and
 * onnxruntime runs the ONNX of what was read.
 *
 * @param folder Where the files are.
 * @param files Their paths inside it.
 * @throws {RangeError} If logits differ by more than the tolerance, or the
 * files say another number of classes.
 */
export async function verifyExport(
  folder: string,
  files: Iterable<string>,
  check: ExportCheck,
): Promise<VerifiedFile[]> {
  const verified: VerifiedFile[] = [];
  for (const file of files) {
    if (file.endsWith(".onnx")) {
      const bytes = await Deno.readFile(`${folder}/${file}`);
      verified.push(await compare(file, bytes, check));
    } else if (file.endsWith(".safetensors")) {
      const model = await readBack(folder, check.model);
      const bytes = encodeOnnx(model, "F32");
      verified.push(await compare(file, bytes, { ...check, model }));
    }
  }
  return verified;
}

/** The model as the files beside each other describe it. */
async function readBack(
  folder: string,
  model: ExportedModel,
): Promise<ExportedModel> {
  const { config, preprocess, tensors } = await inspectBackbone(folder);
  const wanted = model.classes.length;
  if (config.classes === wanted) {
    return { ...model, config, preprocess, tensors };
  }
  throw new RangeError(
    `Cannot verify the export: got ${config.classes} classes read back, ` +
      `wanted ${wanted}`,
  );
}

async function compare(
  file: string,
  bytes: Uint8Array,
  { model, dtype, split, logits }: ExportCheck,
): Promise<VerifiedFile> {
  const theirs = await runOnnx(bytes, model, split);
  const compared = compareLogits(theirs, logits, model.classes.length);
  const tolerance = TOLERANCE[dtype];
  if (compared.relativeDifference <= tolerance) return { file, ...compared };
  throw new RangeError(
    `Cannot export the model: got logits of ${file} that differ by ` +
      `${compared.relativeDifference.toPrecision(3)} of the largest, wanted ` +
      `at most ${tolerance}`,
  );
}
