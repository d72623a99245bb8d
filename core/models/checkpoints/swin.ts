/**
 * Swin transformers under timm's and torchvision's names.
 *
 * @module
 */

import { IMAGENET, type Preprocess } from "../preprocess.ts";
import type { SwinConfig } from "../swin.ts";
import type {
  Checkpoint,
  CheckpointFamily,
  Description,
} from "./checkpoint.ts";
import { same } from "./recipes.ts";
import { imageSizeIn, timmPreprocess } from "./settings.ts";
import {
  countStages,
  hasName,
  toldClasses,
  toldSize,
  type Witness,
} from "./told_sizes.ts";

/** The name of one of the model's modules or tensors in a checkpoint. */
export type StoredName = (name: string) => string;

/** The tensor that tells a Swin, of every block. */
const TABLE = "attn.relative_position_bias_table";

/**
 * timm's `SwinTransformer`: since 0.9 a stage begins with the merging of
 * patches, before, the stage in front of it ended with it.
 */
export const timmSwin: CheckpointFamily = {
  name: "timm Swin",
  recognises: (checkpoint) =>
    hasName(
      checkpoint,
      /^layers\.\d+\.blocks\.\d+\.attn\.relative_position_bias_table$/,
    ),
  describe(checkpoint) {
    const before = hasName(checkpoint, /^layers\.0\.downsample\./);
    const plainHead = hasName(checkpoint, /^head\.(weight|bias)$/);
    const stored: StoredName = (name) => {
      if (plainHead && name.startsWith("head.fc.")) {
        return name.replace("head.fc.", "head.");
      }
      return before
        ? name.replace(
          /^layers\.(\d+)\.downsample/,
          (_, stage) => `layers.${Number(stage) - 1}.downsample`,
        )
        : name;
    };
    return describeSwin(checkpoint, stored, {
      ...IMAGENET,
      interpolation: "bicubic",
      cropPct: 0.9,
    });
  },
};

/** torchvision's `SwinTransformer`. */
export const torchvisionSwin: CheckpointFamily = {
  name: "torchvision Swin",
  recognises: (checkpoint) =>
    hasName(
      checkpoint,
      /^features\.\d+\.\d+\.attn\.relative_position_bias_table$/,
    ),
  describe(checkpoint) {
    const description = describeSwin(checkpoint, torchvisionName, {
      ...IMAGENET,
      interpolation: "bicubic",
    });
    const { width, depths } = description.config as SwinConfig;
    // The sides that the weights of swin_t, swin_s and swin_b resize to.
    const side = width > 96 ? 238 : depths[2] > 6 ? 246 : 232;
    const preprocess = { ...description.preprocess, cropPct: 224 / side };
    return { ...description, preprocess };
  },
};

function torchvisionName(name: string): string {
  const [, stage, part, rest] =
    /^layers\.(\d+)\.(blocks|downsample)\.(.*)$/.exec(name) ?? [];
  if (stage === undefined) {
    return name.replace("patch_embed.proj", "features.0.0")
      .replace("patch_embed.norm", "features.0.2")
      .replace("head.fc", "head");
  }
  if (part === "downsample") return `features.${2 * Number(stage)}.${rest}`;
  const inner = rest.replace("mlp.fc1", "mlp.0").replace("mlp.fc2", "mlp.3");
  return `features.${2 * Number(stage) + 1}.${inner}`;
}

/** A Swin whose tensors are stored as they are under other names. */
export function describeSwin(
  checkpoint: Checkpoint,
  stored: StoredName,
  fallback: Preprocess,
): Description {
  const recipe: Description["recipe"] = (tensor, shape) =>
    same(stored(tensor), shape);
  return {
    config: sizesOf(checkpoint, recipe, stored),
    preprocess: timmPreprocess(checkpoint, fallback),
    recipe,
    dropped: (name) =>
      /\.(relative_position_index|attn_mask)$/.test(name)
        ? "it follows from the sizes"
        : undefined,
  };
}

/** Sizes as most tensors tell them; NaN where none does. */
function sizesOf(
  checkpoint: Checkpoint,
  recipe: Description["recipe"],
  stored: StoredName,
): SwinConfig {
  const block = (stage: number, index: number) =>
    `layers.${stage}.blocks.${index}`;
  const depths = countStages(
    checkpoint,
    (stage) => stored(`${block(stage, 0)}.`),
  );
  const blocks = depths.flatMap((depth, stage) =>
    Array.from({ length: depth }, (_, index) => ({
      stage,
      name: block(stage, index),
      times: 2 ** stage,
    }))
  );
  const told = (witnesses: Witness[]) =>
    toldSize(checkpoint, recipe, witnesses);
  const tables = (stage: number, shape: Witness[1]) =>
    told(
      blocks.filter((block) => block.stage === stage)
        .map(({ name }) => [`${name}.${TABLE}`, shape]),
    );
  const width = told([
    ["patch_embed.norm.weight", [NaN]],
    ["patch_embed.norm.bias", [NaN]],
    ...blocks.flatMap(({ name, times }): Witness[] => [
      [`${name}.norm1.weight`, [NaN], times],
      [`${name}.norm2.weight`, [NaN], times],
      [`${name}.norm2.bias`, [NaN], times],
    ]),
  ]);
  const hidden = told(blocks.flatMap(({ name, times }): Witness[] => [
    [`${name}.mlp.fc1.weight`, [NaN, 0], times],
    [`${name}.mlp.fc1.bias`, [NaN], times],
    [`${name}.mlp.fc2.weight`, [0, NaN], times],
  ]));
  const patch = "patch_embed.proj.weight";
  const patchSize = told([[patch, [0, 0, NaN, 0]]]);
  // A table has a row for each of (2 · window - 1)² distances; that of a map
  // smaller than the window has fewer, and only late stages have such maps.
  const rows = depths.map((_, stage) => tables(stage, [NaN, 0]))
    .find((count) => !Number.isNaN(count)) ?? NaN;
  const window = (Math.sqrt(rows) + 1) / 2;
  return {
    architecture: "swin",
    // Unless it is stated, the last map is one window, as in every known model.
    imageSize: imageSizeIn(checkpoint) ??
      patchSize * 2 ** (depths.length - 1) * window,
    patchSize,
    channels: told([[patch, [0, NaN, 0, 0]]]),
    width,
    depths,
    heads: depths.map((_, stage) => tables(stage, [0, NaN])),
    window,
    mlpRatio: hidden / width,
    classes: toldClasses(checkpoint, recipe, "head.fc"),
    eps: 1e-5,
  };
}
