/**
 * Flags that say what images a backbone shall take, and what is told of it.
 *
 * @module
 */

import { type Filter, filters } from "../core/data/resize.ts";
import type { Backbone } from "../core/models/backbone.ts";
import type { Preprocess } from "../core/models/preprocess.ts";
import type { RunConfig } from "../core/train/run_config.ts";
import { openBackbone } from "./backbone.ts";
import type { Flag } from "./flag.ts";
import type { Input } from "./input.ts";

/** Where the images differ from those that the backbone learned from. */
export const imageFlags: readonly Flag[] = [
  {
    name: "image-size",
    kind: "integer",
    minimum: 1,
    placeholder: "PIXELS",
    defaultText: "the backbone's",
    help: "side of the images; position embeddings are resized to it",
  },
  {
    name: "interpolation",
    kind: "text",
    choices: filters,
    defaultText: "as the backbone learned",
    help: "the resizing filter that the data may have been prepared with",
  },
  {
    name: "crop-pct",
    kind: "number",
    minimum: 0.01,
    maximum: 1,
    defaultText: "as the backbone learned",
    help:
      "the share of a centre crop that the data may have been prepared with",
  },
];

/**
 * Opens the backbone of a run for the images that were asked for.
 *
 * @param before The run to go on with, whose choices hold unless others are
 * typed.
 * @throws {RangeError} If there is no such backbone, or its patches do not
 * divide the images.
 */
export async function openForImages(
  input: Input,
  { source, seed, before }: {
    source: string;
    seed: number;
    before?: RunConfig;
  },
): Promise<Backbone> {
  const imageSize = input.given("image-size")
    ? input.number("image-size")
    : before?.model.imageSize;
  const backbone = await openBackbone(source, seed, imageSize);
  const typed = filterOf(input.textOr("interpolation"));
  const interpolation = typed ?? before?.preprocess.interpolation;
  const cropPct = input.given("crop-pct")
    ? input.number("crop-pct")
    : before?.preprocess.cropPct;
  return {
    ...backbone,
    preprocess: {
      ...backbone.preprocess,
      ...interpolation ? { interpolation } : {},
      ...cropPct ? { cropPct } : {},
    },
  };
}

function filterOf(name: string | undefined): Filter | undefined {
  return filters.find((filter) => filter === name);
}

/** What a backbone is and how images enter it, a line each. */
export function backboneFacts(backbone: Backbone): string[] {
  const { config, family, name, notes, preprocess } = backbone;
  const sizes = new Map(Object.entries(config));
  const said = (key: string, words: (value: unknown) => string): string[] =>
    sizes.has(key) ? [words(sizes.get(key))] : [];
  const parts = [
    `${config.imageSize} px`,
    ...said("patchSize", (value) => `patch ${value}`),
    ...said("width", (value) => `width ${value}`),
    ...said("depth", (value) => `depth ${value}`),
    ...said("heads", (value) => `${value} heads`),
    ...said("eps", (value) => `LayerNorm eps ${value}`),
    sizes.get("activation") === "quick_gelu" ? "quick GELU" : "GELU",
  ];
  return [
    `Backbone   ${name} (${family}): ${parts.join(", ")}`,
    `Images     ${preprocessFacts(preprocess)}`,
    ...notes.map((note) => `           ${note}`),
  ];
}

function preprocessFacts(preprocess: Preprocess): string {
  const { mean, std, interpolation, cropPct } = preprocess;
  const rounded = (values: readonly number[]): string => {
    const words = values.map((value) => `${Number(value.toFixed(3))}`);
    return new Set(words).size === 1 ? words[0] : words.join(" ");
  };
  return [
    `mean ${rounded(mean)}`,
    `std ${rounded(std)}`,
    ...interpolation ? [interpolation] : [],
    ...cropPct === undefined ? [] : [`crop_pct ${Number(cropPct.toFixed(4))}`],
  ].join(", ");
}
