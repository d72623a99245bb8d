/**
 * ConvNeXts under timm's and torchvision's names.
 *
 * @module
 */

import type { Shape } from "../../graph/graph.ts";
import type { ConvNextConfig } from "../convnext.ts";
import { IMAGENET, type Preprocess } from "../preprocess.ts";
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

/** The name of one of the model's tensors in a checkpoint. */
export type StoredName = (name: string) => string;

/** timm's `ConvNeXt`, whose names the model's own tensors have. */
export const timmConvNext: CheckpointFamily = {
  name: "timm ConvNeXt",
  recognises: (checkpoint) =>
    hasName(checkpoint, /^stages\.\d+\.blocks\.\d+\.conv_dw\.(weight|bias)$/),
  describe: (checkpoint) =>
    describeConvNext(checkpoint, (name) => name, {
      ...IMAGENET,
      interpolation: "bicubic",
      cropPct: 0.875,
    }),
};

/** torchvision's `ConvNeXt`. */
export const torchvisionConvNext: CheckpointFamily = {
  name: "torchvision ConvNeXt",
  recognises: (checkpoint) =>
    hasName(checkpoint, /^features\.\d+\.\d+\.layer_scale$/),
  describe(checkpoint) {
    const description = describeConvNext(checkpoint, torchvisionName, {
      ...IMAGENET,
      interpolation: "bilinear",
    });
    const { widths, depths } = description.config as ConvNextConfig;
    // The sides that the weights of convnext_tiny, _small and _base resize to.
    const side = widths[0] > 96 ? 232 : depths[2] > 9 ? 230 : 236;
    const preprocess = { ...description.preprocess, cropPct: 224 / side };
    return { ...description, preprocess };
  },
};

const INNER: ReadonlyMap<string, string> = new Map([
  ["gamma", "layer_scale"],
  ["conv_dw", "block.0"],
  ["norm", "block.2"],
  ["mlp.fc1", "block.3"],
  ["mlp.fc2", "block.5"],
]);

function torchvisionName(name: string): string {
  const kind = /\.(weight|bias)$/.exec(name)?.[0] ?? "";
  const module = name.slice(0, name.length - kind.length);
  const [, stage, part, index, inner = ""] =
    /^stages\.(\d+)\.(blocks|downsample)\.(\d+)\.?(.*)$/.exec(module) ?? [];
  if (stage === undefined) {
    return module.replace("stem.", "features.0.")
      .replace("head.norm", "classifier.0")
      .replace("head.fc", "classifier.2") + kind;
  }
  const place = 2 * Number(stage);
  return part === "downsample"
    ? `features.${place}.${index}${kind}`
    : `features.${place + 1}.${index}.${INNER.get(inner) ?? inner}${kind}`;
}

/** A ConvNeXt whose tensors are stored under other names. */
export function describeConvNext(
  checkpoint: Checkpoint,
  stored: StoredName,
  fallback: Preprocess,
): Description {
  const { entries } = checkpoint.file;
  const recipe: Description["recipe"] = (tensor, shape) => {
    const name = stored(tensor);
    // torchvision keeps the scale of channels ready for maps, [n, 1, 1].
    const found = entries.get(name)?.shape;
    return same(name, isColumn(found, shape) ? [...shape, 1, 1] : shape);
  };
  return {
    config: sizesOf(checkpoint, recipe, stored),
    preprocess: timmPreprocess(checkpoint, fallback),
    recipe,
  };
}

function isColumn(found: Shape | undefined, shape: Shape): boolean {
  return shape.length === 1 && found?.length === 3 && found[1] === 1 &&
    found[2] === 1;
}

/** Sizes as most tensors tell them; NaN where none does. */
function sizesOf(
  checkpoint: Checkpoint,
  recipe: Description["recipe"],
  stored: StoredName,
): ConvNextConfig {
  const told = (...witnesses: Witness[]) =>
    toldSize(checkpoint, recipe, witnesses);
  const depths = countStages(
    checkpoint,
    (stage) => stored(`stages.${stage}.blocks.0.`),
  );
  const widths = depths.map((depth, stage) =>
    told(
      ...Array.from({ length: depth }, (_, block): Witness[] => {
        const name = `stages.${stage}.blocks.${block}`;
        return [
          [`${name}.gamma`, [NaN]],
          [`${name}.conv_dw.bias`, [NaN]],
          [`${name}.norm.weight`, [NaN]],
          [`${name}.norm.bias`, [NaN]],
          [`${name}.mlp.fc2.bias`, [NaN]],
        ];
      }).flat(),
    )
  );
  return {
    architecture: "convnext",
    // No tensor tells it; 224 is what the models are trained with.
    imageSize: imageSizeIn(checkpoint) ?? 224,
    patchSize: told(["stem.0.weight", [0, 0, NaN, 0]]),
    channels: told(["stem.0.weight", [0, NaN, 0, 0]]),
    widths,
    depths,
    classes: toldClasses(checkpoint, recipe, "head.fc"),
    eps: 1e-6,
  };
}
