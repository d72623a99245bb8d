/**
 * A tiny model and data set, for tests that train.
 *
 * @module
 */

import type { Dataset, Split } from "../../core/data/dataset.ts";
import { findMethod, resolveOptions } from "../../core/methods/mod.ts";
import type { AdaptedModel } from "../../core/models/adapted_model.ts";
import {
  type Backbone,
  HALF,
  scratchBackbone,
} from "../../core/models/backbone.ts";
import { buildModel } from "../../core/models/build_model.ts";
import type { VitConfig } from "../../core/models/vit.ts";
import { RandomStream } from "../../core/rng.ts";
import type { RunConfig } from "../../core/train/run_config.ts";
import type { TrainSettings } from "../../core/train/settings.ts";
import type { Engine } from "../../kernels/engine.ts";

/** 8-pixel images, 5 tokens, two blocks. */
export const tinyConfig: VitConfig = {
  architecture: "vit",
  imageSize: 8,
  patchSize: 4,
  channels: 3,
  width: 24,
  depth: 2,
  heads: 3,
  mlpHidden: 48,
  classes: 3,
  eps: 1e-6,
};

/** A backbone of {@linkcode tinyConfig}. */
export function tinyBackbone(): Backbone {
  return scratchBackbone("tiny", tinyConfig, 7);
}

/** The tiny backbone, or another, with a method on it. */
export function tinyModel(
  engine: Engine,
  method: string,
  options: Record<string, unknown> = {},
  backbone: Backbone = tinyBackbone(),
): AdaptedModel {
  const found = findMethod(method);
  return buildModel({
    engine,
    backbone,
    method: found,
    options: resolveOptions(found, options),
    classes: tinyConfig.classes,
    seed: 3,
  });
}

/** Images whose class is their dominant colour, with noise. */
function tinySplit(count: number, seed: number): Split {
  const pixels = tinyConfig.imageSize ** 2;
  const images = new Uint8Array(count * pixels * 3);
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
  const random = new RandomStream(seed, "tiny");
  for (let i = 0; i < images.length; i++) {
    const label = labels[Math.floor(i / (pixels * 3))];
    const noise = random.below(120);
    images[i] = i % 3 === label ? 100 + noise : noise;
  }
  return { images, labels, count };
}

/** A task that even the tiny model learns. */
export function tinyDataset(): Dataset {
  return {
    imageSize: tinyConfig.imageSize,
    classes: ["red", "green", "blue"],
    splits: new Map([
      ["train", tinySplit(50, 1)],
      ["validation", tinySplit(21, 2)],
      ["test", tinySplit(30, 3)],
    ]),
    description: {
      name: "tiny",
      source: "drawn by the tests",
      licence: "none needed",
      preparedWith: "tests/support/tiny.ts",
      resize: { filter: "none", size: tinyConfig.imageSize, fit: "stretch" },
      notes: "",
    },
    hash: "tiny",
  };
}

/** What a run of the tiny model on {@linkcode tinyDataset} is made with. */
export function tinyRunConfig(
  model: AdaptedModel,
  settings: TrainSettings,
): RunConfig {
  const { method, options, config } = model.spec;
  const { classes, description } = tinyDataset();
  const { name, resize } = description;
  return {
    format: "alore-run",
    version: 1,
    alore: "0.0.0",
    method: method.name,
    options,
    settings,
    model: config,
    preprocess: HALF,
    backbone: { source: "tiny", hash: "0" },
    data: { source: "tiny", hash: "0", name, resize },
    classes,
    engine: "test",
  };
}
