/**
 * Swin transformers under timm's and torchvision's names.
 *
 * @module
 */

import { IMAGENET, type Preprocess } from "../preprocess.ts";
import type { SwinConfig } from "../swin.ts";
import {
  type Checkpoint,
  type CheckpointFamily,
  type Description,
  shapeOf,
} from "./checkpoint.ts";
import { same } from "./recipes.ts";
import { imageSizeIn, timmPreprocess } from "./settings.ts";

/** The name of one of the model's modules or tensors in a checkpoint. */
export type StoredName = (name: string) => string;

/** The tensor that tells a Swin, of every block. */
export const TABLE = "attn.relative_position_bias_table";

/**
 * timm's `SwinTransformer`: since 0.9 a stage begins with the merging of
 * patches, before, the stage in front of it ended with it.
 */
export const timmSwin: CheckpointFamily = {
  name: "timm Swin",
  recognises: ({ file }) => file.entries.has(`layers.0.blocks.0.${TABLE}`),
  describe(checkpoint) {
    const { entries } = checkpoint.file;
    const before = entries.has("layers.0.downsample.norm.weight");
    const plainHead = entries.has("head.weight");
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
  recognises: ({ file }) => file.entries.has(`features.1.0.${TABLE}`),
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
  return {
    config: sizesOf(checkpoint, stored),
    preprocess: timmPreprocess(checkpoint, fallback),
    recipe: (tensor, shape) => same(stored(tensor), shape),
    dropped: (name) =>
      /\.(relative_position_index|attn_mask)$/.test(name)
        ? "it follows from the sizes"
        : undefined,
  };
}

function sizesOf(checkpoint: Checkpoint, stored: StoredName): SwinConfig {
  const { entries } = checkpoint.file;
  const block = (stage: number, index: number) =>
    `layers.${stage}.blocks.${index}`;
  const has = (stage: number, index: number): boolean =>
    entries.has(stored(`${block(stage, index)}.${TABLE}`));
  const depths: number[] = [];
  while (has(depths.length, 0)) {
    let depth = 1;
    while (has(depths.length, depth)) depth++;
    depths.push(depth);
  }
  const tables = depths.map((_, stage) =>
    shapeOf(checkpoint, stored(`${block(stage, 0)}.${TABLE}`), 2)
  );
  const [width, channels, patchSize] = shapeOf(
    checkpoint,
    stored("patch_embed.proj.weight"),
    4,
  );
  const hidden = stored(`${block(0, 0)}.mlp.fc1.weight`);
  // A table has a row for each of (2 · window - 1)² distances.
  const window = (Math.sqrt(tables[0][0]) + 1) / 2;
  return {
    architecture: "swin",
    // Unless it is stated, the last map is one window, as in every known model.
    imageSize: imageSizeIn(checkpoint) ??
      patchSize * 2 ** (depths.length - 1) * window,
    patchSize,
    channels,
    width,
    depths,
    heads: tables.map(([, heads]) => heads),
    window,
    mlpRatio: shapeOf(checkpoint, hidden, 2)[0] / width,
    classes: entries.get(stored("head.fc.weight"))?.shape[0] ?? 1,
    eps: 1e-5,
  };
}
