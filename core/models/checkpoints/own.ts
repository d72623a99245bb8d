import { checkConfig, type ModelConfig } from "../architectures.ts";
import { HALF, type Preprocess } from "../preprocess.ts";
import type {
  Checkpoint,
  CheckpointFamily,
  Description,
} from "./checkpoint.ts";
import { same } from "./recipes.ts";

/**
 * Files that this program wrote: the metadata hold the configuration and the
 * preprocessing, and tensors have the model's own names.
 */
export const own: CheckpointFamily = {
  name: "alore",
  recognises: ({ file }) => file.metadata.config !== undefined,
  describe,
};

function describe(checkpoint: Checkpoint): Description {
  const { file, path } = checkpoint;
  return {
    config: parseConfig(file.metadata.config, path),
    preprocess: parsePreprocess(file.metadata.preprocess, path),
    recipe: same,
  };
}

function parseConfig(text: string, path: string): ModelConfig {
  try {
    // Files from before there was a choice are vision transformers.
    const config = { architecture: "vit", ...JSON.parse(text) } as ModelConfig;
    checkConfig(config);
    return config;
  } catch (cause) {
    throw new TypeError(
      `Cannot read the backbone ${path}: got metadata that describes no ` +
        `model, ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}

function parsePreprocess(text: string | undefined, path: string): Preprocess {
  if (text === undefined) return HALF;
  let found: Partial<Preprocess> | null = null;
  try {
    found = JSON.parse(text);
  } catch {
    // Told below, as any other text that is none.
  }
  const good = [found?.mean, found?.std].every((values) =>
    Array.isArray(values) && values.length === 3 &&
    values.every(Number.isFinite)
  );
  if (good) return found as Preprocess;
  throw new TypeError(
    `Cannot read the backbone ${path}: got metadata with the preprocessing ` +
      `${text.slice(0, 80)}, wanted a mean and a standard deviation`,
  );
}
