/**
 * What transformers' configurations beside an adapter say.
 *
 * @module
 */

import type { Fitting } from "../data/description.ts";
import { readJson } from "../models/checkpoints/open_checkpoint.ts";
import type { JsonObject } from "../models/checkpoints/checkpoint.ts";
import { HALF, type Preprocess } from "../models/preprocess.ts";
import {
  huggingFacePreprocess,
  objectIn,
  positiveIn,
} from "../models/checkpoints/settings.ts";

/** What is known from them; fields are left out where they do not say. */
export interface Beside {
  readonly classes?: readonly string[];
  readonly imageSize?: number;
  readonly resize?: Fitting;
  readonly preprocess?: Preprocess;
}

/**
 * Reads `config.json` and `preprocessor_config.json` of a folder, where they
 * are.
 *
 * @throws {SyntaxError} If one is not JSON.
 */
export async function readBeside(path: string): Promise<Beside> {
  const config = await readJson(`${path}/config.json`);
  const preprocessor = await readJson(`${path}/preprocessor_config.json`);
  const classes = classesIn(config);
  const imageSize = positiveIn(config, "image_size");
  return {
    ...classes ? { classes } : {},
    ...imageSize ? { imageSize } : {},
    ...preprocessor ? imagesIn(preprocessor) : {},
  };
}

/** The words of `id2label` in the order of its numbers. */
function classesIn(config: JsonObject | undefined): string[] | undefined {
  const labels = objectIn(config, "id2label");
  const names = Object.keys(labels).map((_, i) => labels[`${i}`]);
  const good = names.length > 0 &&
    names.every((name) => typeof name === "string");
  return good ? names as string[] : undefined;
}

function imagesIn(preprocessor: JsonObject): Beside {
  const preprocess = huggingFacePreprocess({ preprocessor }, HALF);
  const short = objectIn(preprocessor, "size")["shortest_edge"] !== undefined;
  const fit = short ? "crop" : "stretch";
  const filter = preprocess.interpolation ?? "bilinear";
  const { cropPct = 1 } = preprocess;
  const share = cropPct < 1 ? { cropPct } : {};
  return { preprocess, resize: { filter, fit, ...share } };
}
