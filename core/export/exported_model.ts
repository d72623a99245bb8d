import type { Fitting } from "../data/description.ts";
import { type Filter, filters } from "../data/resize.ts";
import type { NamedTensors } from "../models/adapted_model.ts";
import type { ModelConfig } from "../models/architectures.ts";
import type { Preprocess } from "../models/backbone.ts";

/** A plain model that is to be written for other programs. */
export interface ExportedModel {
  /** Sizes, the head as wide as the classes. */
  readonly config: ModelConfig;
  /** What images must go through. */
  readonly preprocess: Preprocess;
  /** Every tensor by timm's name. */
  readonly tensors: NamedTensors;
  /** Class names, in the order of the logits. */
  readonly classes: readonly string[];
  /** How images become square, where that is known. */
  readonly resize?: Fitting;
  /** How it came to be: backbone, method and options. */
  readonly provenance: Readonly<Record<string, string>>;
}

/** How numbers are stored. */
export type ExportDtype = "F32" | "F16";

/** Files of an export by their path inside its folder. */
export type ExportedFiles = Map<string, Uint8Array<ArrayBuffer>>;

/** A layout that other programs load. */
export interface ExportFormat {
  /** As on the command line. */
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  /**
   * Encodes a model.
   *
   * @throws {TypeError} If the layout has no word for this model.
   * @throws {RangeError} If the model is too large for it.
   */
  encode(model: ExportedModel, dtype: ExportDtype): ExportedFiles;
}

/**
 * The filter that images are to be resized by: the data's, or, where they were
 * never resized, the backbone's.
 */
export function filterOf(
  { resize, preprocess }: Pick<ExportedModel, "resize" | "preprocess">,
): Filter {
  return filters.find((filter) => filter === resize?.filter) ??
    preprocess.interpolation ?? "bicubic";
}

/** JSON as a file, with a closing line feed. */
export function jsonFile(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
