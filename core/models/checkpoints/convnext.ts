/**
 * ConvNeXts under timm's and torchvision's names.
 *
 * @module
 */

import type { Shape } from "../../graph/graph.ts";
import type { ConvNextConfig } from "../convnext.ts";
import { IMAGENET, type Preprocess } from "../preprocess.ts";
import {
  type Checkpoint,
  type CheckpointFamily,
  type Description,
  shapeOf,
} from "./checkpoint.ts";
import { same } from "./recipes.ts";
import { imageSizeIn, timmPreprocess } from "./settings.ts";

/** The name of one of the model's tensors in a checkpoint. */
export type StoredName = (name: string) => string;

/** timm's `ConvNeXt`, whose names the model's own tensors have. */
export const timmConvNext: CheckpointFamily = {
  name: "timm ConvNeXt",
  recognises: ({ file }) =>
    file.entries.has("stages.0.blocks.0.conv_dw.weight"),
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
  recognises: ({ file }) => file.entries.has("features.1.0.layer_scale"),
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
  return {
    config: sizesOf(checkpoint, stored),
    preprocess: timmPreprocess(checkpoint, fallback),
    recipe(tensor, shape) {
      const name = stored(tensor);
      // torchvision keeps the scale of channels ready for maps, [n, 1, 1].
      const found = entries.get(name)?.shape;
      return same(name, isColumn(found, shape) ? found : shape);
    },
  };
}

function isColumn(found: Shape | undefined, shape: Shape): found is Shape {
  return found?.length === 3 && shape.length === 1 && found[0] === shape[0] &&
    found[1] === 1 && found[2] === 1;
}

function sizesOf(
  checkpoint: Checkpoint,
  stored: StoredName,
): ConvNextConfig {
  const { entries } = checkpoint.file;
  const name = (stage: number, block: number) =>
    stored(`stages.${stage}.blocks.${block}.conv_dw.weight`);
  const depths: number[] = [];
  while (entries.has(name(depths.length, 0))) {
    let depth = 1;
    while (entries.has(name(depths.length, depth))) depth++;
    depths.push(depth);
  }
  const stem = shapeOf(checkpoint, stored("stem.0.weight"), 4);
  const [, channels, patchSize] = stem;
  return {
    architecture: "convnext",
    // No tensor tells it; 224 is what the models are trained with.
    imageSize: imageSizeIn(checkpoint) ?? 224,
    patchSize,
    channels,
    widths: depths.map((_, stage) => shapeOf(checkpoint, name(stage, 0), 4)[0]),
    depths,
    classes: entries.get(stored("head.fc.weight"))?.shape[0] ?? 1,
    eps: 1e-6,
  };
}
