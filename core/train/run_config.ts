/**
 * What `config.json` of a run directory holds.
 *
 * @module
 */

import { z } from "zod";
import { filters } from "../data/resize.ts";
import type { DatasetDescription } from "../data/dataset.ts";
import type { MethodOptions } from "../methods/method.ts";
import { findMethod, resolveOptions } from "../methods/mod.ts";
import type { Preprocess } from "../models/backbone.ts";
import { checkConfig, type ModelConfig } from "../models/architectures.ts";
import type { TrainSettings } from "./settings.ts";

/** A run's options, all resolved, and what it was made from. */
export interface RunConfig {
  readonly format: "alore-run";
  readonly version: 1;
  /** Version of the toolkit. */
  readonly alore: string;
  readonly method: string;
  readonly options: MethodOptions;
  readonly settings: TrainSettings;
  /** The model, its head as wide as the data's classes. */
  readonly model: ModelConfig;
  readonly preprocess: Preprocess;
  readonly backbone: {
    /** As it was given: a path or `scratch:NAME`. */
    readonly source: string;
    readonly hash: string;
  };
  readonly data: {
    readonly source: string;
    readonly hash: string;
    readonly name: string;
    /** How its images became square; new images must go through the same. */
    readonly resize: DatasetDescription["resize"];
  };
  readonly classes: readonly string[];
  /** The engine, for people. */
  readonly engine: string;
  /** What it stored frozen weights and activations as; f32 if left out. */
  readonly precision?: "f16";
  /**
   * Where it comes from if it was trained elsewhere: its settings are of no
   * epochs, and its data have no file.
   */
  readonly imported?: {
    /** The folder that was read. */
    readonly source: string;
    /** Its layout, such as `peft`. */
    readonly format: string;
  };
}

const size = z.int().positive();

const share = z.number().positive().max(1);

const modelConfig = z.looseObject({
  architecture: z.string().optional(),
  imageSize: size,
  channels: size,
  classes: size,
});

const settings = z.object({
  epochs: z.int().nonnegative(),
  batchSize: size,
  lr: z.number(),
  minLr: z.number(),
  warmupEpochs: z.number(),
  weightDecay: z.number(),
  betas: z.tuple([z.number(), z.number()]),
  eps: z.number(),
  clip: z.number(),
  smoothing: z.number(),
  dropPath: z.number(),
  seed: z.int(),
  augment: z.record(z.string(), z.unknown()),
});

const origin = z.object({ source: z.string(), hash: z.string() });

const runConfig = z.object({
  format: z.literal("alore-run"),
  version: z.literal(1),
  alore: z.string(),
  method: z.string(),
  options: z.record(z.string(), z.union([z.string(), z.number()])),
  settings,
  model: modelConfig,
  preprocess: z.object({
    mean: z.array(z.number()).length(3),
    std: z.array(z.number().positive()).length(3),
    interpolation: z.enum(filters).optional(),
    cropPct: share.optional(),
  }),
  backbone: origin,
  data: origin.extend({
    name: z.string(),
    resize: z.object({
      filter: z.string(),
      size,
      fit: z.string(),
      cropPct: share.optional(),
    }),
  }),
  classes: z.array(z.string()).min(1),
  engine: z.string(),
  precision: z.literal("f16").optional(),
  imported: z.object({ source: z.string(), format: z.string() }).optional(),
}).refine(({ settings, imported }) => imported || settings.epochs > 0, {
  path: ["settings", "epochs"],
  error: "0 epochs of a run that was not imported",
});

/**
 * Parses and checks a run's configuration.
 *
 * @param text JSON.
 * @param path What messages call the file.
 * @throws {SyntaxError} If it is not JSON or lacks a field; it names the field.
 */
export function parseRunConfig(text: string, path: string): RunConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(
      `Cannot read the run ${path}: got text that is not JSON, wanted a ` +
        `configuration`,
      { cause },
    );
  }
  const result = runConfig.safeParse(json);
  // The text's own order of fields stays, so that saving it again is the same.
  if (result.success) return checked(json as RunConfig, path);
  const [issue] = result.error.issues;
  throw new SyntaxError(
    `Cannot read the run ${path}: got a wrong field ` +
      `"${issue.path.join(".")}" (${issue.message}), wanted the ` +
      `configuration that training wrote`,
  );
}

function checked(read: RunConfig, path: string): RunConfig {
  // Runs from before there was a choice are vision transformers.
  const model = {
    ...read.model,
    architecture: read.model.architecture ?? "vit",
  } as ModelConfig;
  // Runs from before a method had an option are as its default has it.
  const options = attempt(
    "options",
    path,
    () => resolveOptions(findMethod(read.method), read.options),
  );
  attempt("model", path, () => checkConfig(model));
  return { ...read, model, options };
}

/** @throws {SyntaxError} If the check of a field fails. */
function attempt<T>(field: string, path: string, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    throw new SyntaxError(
      `Cannot read the run ${path}: got a wrong field "${field}" ` +
        `(${cause instanceof Error ? cause.message : cause}), wanted the ` +
        `configuration that training wrote`,
      { cause },
    );
  }
}
