/**
 * What the configuration beside a checkpoint says, believed only where it has
 * the type that it should have.
 *
 * @module
 */

import { type Filter, filters } from "../../data/resize.ts";
import type { Preprocess } from "../preprocess.ts";
import type { Activation } from "../vit.ts";
import type { Checkpoint, JsonObject } from "./checkpoint.ts";

/** An object inside an object; empty where there is none. */
export function objectIn(
  json: JsonObject | undefined,
  key: string,
): JsonObject {
  const value = json?.[key];
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as JsonObject
    : {};
}

/** A number above 0, if there is one under the key. */
export function positiveIn(
  json: JsonObject | undefined,
  key: string,
): number | undefined {
  const value = json?.[key];
  return typeof value === "number" && value > 0 ? value : undefined;
}

/** A string, if there is one under the key. */
export function textIn(
  json: JsonObject | undefined,
  key: string,
): string | undefined {
  const value = json?.[key];
  return typeof value === "string" ? value : undefined;
}

/**
 * The activation that Hugging Face's configuration names, if it names one.
 *
 * @throws {RangeError} If no model here has it.
 */
export function activationIn(
  { path }: Checkpoint,
  json: JsonObject | undefined,
): Activation | undefined {
  const name = textIn(json, "hidden_act");
  if (name === undefined || name === "gelu" || name === "quick_gelu") {
    return name;
  }
  throw new RangeError(
    `Cannot read the backbone ${path}: got the activation "${name}", wanted ` +
      "gelu or quick_gelu",
  );
}

/**
 * Requires the activation that Hugging Face's configuration names, if it names
 * one, to be GELU.
 *
 * @throws {RangeError} If it is not.
 */
export function requireGelu({ path, config }: Checkpoint): void {
  const name = textIn(config, "hidden_act") ?? "gelu";
  if (name === "gelu") return;
  throw new RangeError(
    `Cannot read the backbone ${path}: got the activation "${name}", wanted ` +
      "gelu",
  );
}

/** Side of the images that timm's `pretrained_cfg` states, if it does. */
export function imageSizeIn({ config }: Checkpoint): number | undefined {
  const stated = { ...config, ...objectIn(config, "pretrained_cfg") };
  const size: unknown = stated["input_size"];
  const side: unknown = Array.isArray(size) ? size[2] : undefined;
  return typeof side === "number" && side > 0 ? side : undefined;
}

/**
 * Preprocessing as timm's `pretrained_cfg` has it.
 *
 * @param fallback Of the family, for what it does not say.
 */
export function timmPreprocess(
  { config }: Checkpoint,
  fallback: Preprocess,
): Preprocess {
  const found = { ...config, ...objectIn(config, "pretrained_cfg") };
  const interpolation = filterNamed(textIn(found, "interpolation"));
  return {
    mean: threeIn(found, "mean") ?? fallback.mean,
    std: threeIn(found, "std", isScale) ?? fallback.std,
    interpolation: interpolation ?? fallback.interpolation,
    cropPct: positiveIn(found, "crop_pct") ?? fallback.cropPct,
  };
}

/**
 * Preprocessing as Hugging Face's `preprocessor_config.json` has it.
 *
 * @param fallback Of the family, for what it does not say.
 */
export function huggingFacePreprocess(
  { preprocessor }: Pick<Checkpoint, "preprocessor">,
  fallback: Preprocess,
): Preprocess {
  const short = sideIn(preprocessor, "size");
  const cut = sideIn(preprocessor, "crop_size");
  const crops = preprocessor?.do_center_crop === true && short && cut;
  // Only ConvNeXt's processor states the share itself.
  const cropPct = preprocessor
    ? crops
      ? Math.min(1, cut / short)
      : positiveIn(preprocessor, "crop_pct") ?? 1
    : fallback.cropPct;
  // PIL's numbers of its filters.
  const resample = preprocessor?.resample;
  const interpolation = resample === 0
    ? "nearest"
    : resample === 2
    ? "bilinear"
    : resample === 3
    ? "bicubic"
    : fallback.interpolation;
  return {
    mean: threeIn(preprocessor, "image_mean") ?? fallback.mean,
    std: threeIn(preprocessor, "image_std", isScale) ?? fallback.std,
    interpolation,
    cropPct,
  };
}

/** A side in pixels, if there is one: a number, `{ height }` or `{ shortest_edge }`. */
export function sideIn(
  json: JsonObject | undefined,
  key: string,
): number | undefined {
  const inner = objectIn(json, key);
  return positiveIn(json, key) ?? positiveIn(inner, "height") ??
    positiveIn(inner, "shortest_edge");
}

function threeIn(
  json: JsonObject | undefined,
  key: string,
  allowed: (value: number) => boolean = Number.isFinite,
): readonly number[] | undefined {
  const value = json?.[key];
  const good = Array.isArray(value) && value.length === 3 &&
    value.every((item) => typeof item === "number" && allowed(item));
  return good ? value : undefined;
}

function isScale(value: number): boolean {
  return Number.isFinite(value) && value > 0;
}

function filterNamed(name: string | undefined): Filter | undefined {
  return filters.find((filter) => filter === name);
}
