/**
 * Reads the folder of an adapter, whatever its layout.
 *
 * @module
 */

import { hinted } from "../errors.ts";
import type { MethodOptions } from "../methods/method.ts";
import type { Preprocess } from "../models/preprocess.ts";
import { ADAPTER_FORMAT } from "../train/adapter_file.ts";
import type { RunConfig } from "../train/run_config.ts";
import { readSafetensors, toFloat32 } from "../weights/safetensors.ts";
import { ALORE_FILE } from "./alore_adapter.ts";
import type { ForeignAdapter } from "./foreign_adapter.ts";
import { PEFT_CONFIG } from "./peft_adapter.ts";
import { readPeft } from "./read_peft.ts";

/**
 * Reads an adapter.
 *
 * @param path Folder that peft saved, or that `export` wrote.
 * @throws {RangeError} If there is no adapter, or one that cannot be used.
 * @throws {SyntaxError} If a file in it is damaged.
 * @throws {TypeError} If tensors are of no known layer.
 */
export async function readAdapter(path: string): Promise<ForeignAdapter> {
  if (await exists(`${path}/${PEFT_CONFIG}`)) return await readPeft(path);
  if (await exists(`${path}/${ALORE_FILE}`)) return await readOwn(path);
  throw hinted(
    new RangeError(
      `Cannot import ${path}: got no ${PEFT_CONFIG} or ${ALORE_FILE} in it, ` +
        "wanted the folder of an adapter",
    ),
    "give the folder that peft's save_pretrained or alore export wrote",
  );
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function readOwn(path: string): Promise<ForeignAdapter> {
  const { metadata, tensors } = await readSafetensors(`${path}/${ALORE_FILE}`);
  const parsed = <T>(name: string): T => {
    try {
      return JSON.parse(metadata[name]) as T;
    } catch (cause) {
      throw new SyntaxError(
        `Cannot import ${path}: got ${
          name in metadata ? "damaged" : "no"
        } "${name}" in the metadata of ${ALORE_FILE}, wanted what alore writes`,
        { cause },
      );
    }
  };
  if (metadata.format !== ADAPTER_FORMAT) {
    throw new SyntaxError(
      `Cannot import ${path}: got the format "${metadata.format ?? ""}" in ` +
        `${ALORE_FILE}, wanted ${ADAPTER_FORMAT}`,
    );
  }
  return {
    path,
    format: "alore",
    method: metadata.method,
    options: parsed<MethodOptions>("options"),
    tensors: new Map(
      [...tensors].map(([name, tensor]) => [name, {
        there: name,
        shape: tensor.shape,
        values: () => Float32Array.from(toFloat32(tensor)),
      }]),
    ),
    classes: parsed<string[]>("classes"),
    imageSize: parsed<RunConfig["model"]>("model").imageSize,
    resize: parsed<RunConfig["data"]["resize"]>("resize"),
    preprocess: parsed<Preprocess>("preprocess"),
    backbone: parsed<RunConfig["backbone"]>("backbone"),
  };
}
