/**
 * The registry of export layouts: a new one is one file, its test, and one line
 * here.
 *
 * @module
 */

import { hf } from "./hf.ts";
import type { ExportFormat } from "./exported_model.ts";
import { onnx } from "./onnx.ts";
import { timm } from "./timm.ts";

/** Every layout by its name. */
export const formats: ReadonlyMap<string, ExportFormat> = new Map(
  [timm, hf, onnx].map((format) => [format.name, format]),
);
