/**
 * What is found inside of a run's model on some images, as numbers.
 *
 * @module
 */

import type { Split } from "../../data/dataset.ts";
import type { AdaptedModel } from "../../models/adapted_model.ts";
import type { Preprocess } from "../../models/backbone.ts";
import { hinted } from "../../errors.ts";
import { classAttention } from "./attention_maps.ts";
import {
  type AdapterTensors,
  contributions,
  type ExpertCosines,
  expertCosines,
  mapSimilarity,
  meanOffDiagonal,
} from "./experts.ts";
import {
  type AdapterValues,
  type Internals,
  readInternals,
} from "./internals.ts";

/** The class token's attention in one block, on one image. */
export interface InspectedAttention {
  /** Of each head, over the patches, row by row; the rest is elsewhere. */
  readonly heads: readonly (readonly number[])[];
  /** The mean of the heads. */
  readonly mean: readonly number[];
  /** What the class token gives to itself, mean over heads. */
  readonly self: number;
}

/** What an adapter does on one image. */
export interface InspectedAdapter {
  /** Of each expert over the patches; empty where only the class token passes. */
  readonly maps: readonly (readonly number[])[];
  /** Of each expert on the class token. */
  readonly classToken: readonly number[];
}

/** One image. */
export interface InspectedImage {
  /** Of each class, in [0, 1], as the run says. */
  readonly probabilities: readonly number[];
  /** By block. */
  readonly attention: readonly InspectedAttention[];
  /** In the order of {@linkcode Inspection.adapters}. */
  readonly adapters: readonly InspectedAdapter[];
}

/** What an adapter is, whatever the image. */
export interface AdapterSummary {
  /** Such as `blocks.0.attn`. */
  readonly name: string;
  /** Between its experts as matrices. */
  readonly cosines: ExpertCosines;
  /**
   * Mean of ‖s · x (Sₑ ⊗ DₑUₑ)‖ / ‖x‖ over the images and their tokens, for each
   * expert: how much it changes what enters.
   */
  readonly change: readonly number[];
  /**
   * Between the maps of its experts over the patches, mean over the images; null
   * where only the class token passes.
   */
  readonly maps: {
    readonly cosine: number[][];
    readonly correlation: number[][];
  } | null;
}

/** Means over all adapters and pairs of experts; null where there are none. */
export interface Overall {
  /** |cosine| of the experts as matrices; 0 if orthogonal, 1 if parallel. */
  readonly matrices: number | null;
  /** Cosine of their maps, which is high for any maps. */
  readonly mapCosine: number | null;
  /** Correlation of their maps: 1 if they act at the same places. */
  readonly mapCorrelation: number | null;
}

/** All of it. */
export interface Inspection {
  /** Patches in a row and in a column. */
  readonly grid: number;
  readonly images: readonly InspectedImage[];
  /** None for methods without experts. */
  readonly adapters: readonly AdapterSummary[];
  readonly overall: Overall;
}

/**
 * Looks inside of a model.
 *
 * @param split The images; labels are not used.
 * @throws {RangeError} If the model has no class token, or the engine cannot hold
 * it.
 */
export async function inspectModel(
  model: AdaptedModel,
  split: Split,
  preprocess: Preprocess,
): Promise<Inspection> {
  const { config } = model.spec;
  if (config.architecture !== "vit") {
    throw hinted(
      new RangeError(
        `Cannot inspect the run: got a ${config.architecture} backbone, ` +
          "wanted a vision transformer, whose class token attends to patches",
      ),
      "its accuracy is what eval shows",
    );
  }
  const grid = config.imageSize / config.patchSize;
  const internals = await readInternals(model, split, preprocess);
  const tensors = await Promise.all(
    internals.adapters.map((adapter) => tensorsOf(model, adapter)),
  );
  const parts = internals.adapters.map((adapter, i) =>
    contributions(adapter, tensors[i])
  );
  const attentions = internals.attentions.map(classAttention);
  const images = Array.from({ length: internals.images }, (_, image) => ({
    probabilities: probabilitiesOf(internals, image),
    attention: internals.attentions.map(({ heads, tokens }, block) =>
      attentionOf(
        attentions[block].subarray(
          image * heads * tokens,
          (image + 1) * heads * tokens,
        ),
        { heads, tokens, patches: grid ** 2 },
      )
    ),
    adapters: internals.adapters.map(({ experts, tokens }, i) => {
      const rows = rowsOf(
        parts[i].added.subarray(
          image * experts * tokens,
          (image + 1) * experts * tokens,
        ),
        tokens,
      );
      return {
        maps: tokens === 1 ? [] : rows.map((row) => row.slice(-(grid ** 2))),
        classToken: rows.map(([first]) => first),
      };
    }),
  }));
  const adapters = internals.adapters.map((adapter, i) => ({
    name: adapter.name,
    cosines: expertCosines(tensors[i]),
    change: changeOf(parts[i], adapter),
    maps: meanSimilarity(images.map((image) => image.adapters[i].maps)),
  }));
  return { grid, images, adapters, overall: overallOf(adapters) };
}

async function tensorsOf(
  model: AdaptedModel,
  { name, mixName, experts, rank }: AdapterValues,
): Promise<AdapterTensors> {
  const { options } = model.spec;
  const learned = options.scaling === "learned";
  const names = [
    `adapter.${name}.down`,
    `adapter.${name}.up`,
    mixName,
    ...learned ? [`adapter.${name}.factor`] : [],
  ];
  const [down, up, mix, factor] = [...(await model.read(names)).values()];
  const s = learned ? factor[0] : Number(options.scale);
  return { down, up, mix, experts, rank, s };
}

function probabilitiesOf({ logits, images }: Internals, image: number) {
  const classes = logits.length / images;
  const row = logits.subarray(image * classes, (image + 1) * classes);
  const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = Array.from(row, (value) => Math.exp(value - largest));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** The last tokens are the patches, whatever stands between. */
function attentionOf(
  weights: Float64Array,
  { heads, tokens, patches }: {
    heads: number;
    tokens: number;
    patches: number;
  },
): InspectedAttention {
  const rows = rowsOf(weights, tokens);
  const mean = Array.from(
    { length: tokens },
    (_, token) => rows.reduce((sum, row) => sum + row[token], 0) / heads,
  );
  return {
    heads: rows.map((row) => row.slice(-patches)),
    mean: mean.slice(-patches),
    self: mean[0],
  };
}

function rowsOf(values: Float64Array, length: number): number[][] {
  return Array.from(
    { length: values.length / length },
    (_, i) => Array.from(values.subarray(i * length, (i + 1) * length)),
  );
}

function changeOf(
  { added, entering }: { added: Float64Array; entering: Float64Array },
  { experts, tokens }: AdapterValues,
): number[] {
  return Array.from({ length: experts }, (_, e) => {
    let sum = 0;
    entering.forEach((length, row) => {
      const [image, token] = [Math.floor(row / tokens), row % tokens];
      sum += added[(image * experts + e) * tokens + token] / length;
    });
    return sum / entering.length;
  });
}

/** Mean over the images. */
function meanSimilarity(
  images: readonly (readonly (readonly number[])[])[],
): AdapterSummary["maps"] {
  if (images[0].length === 0) return null;
  const found = images.map(mapSimilarity);
  const mean = (of: "cosine" | "correlation") =>
    found[0][of].map((row, a) =>
      row.map((_, b) =>
        found.reduce((sum, one) => sum + one[of][a][b], 0) / found.length
      )
    );
  return { cosine: mean("cosine"), correlation: mean("correlation") };
}

function overallOf(adapters: readonly AdapterSummary[]): Overall {
  const mean = (values: number[]) => {
    const finite = values.filter(Number.isFinite);
    const sum = finite.reduce((a, b) => a + b, 0);
    return finite.length > 0 ? sum / finite.length : null;
  };
  const ofMaps = (of: "cosine" | "correlation") =>
    mean(
      adapters.flatMap(({ maps }) => maps ? [meanOffDiagonal(maps[of])] : []),
    );
  return {
    matrices: mean(
      adapters.map(({ cosines }) => meanOffDiagonal(cosines.delta, Math.abs)),
    ),
    mapCosine: ofMaps("cosine"),
    mapCorrelation: ofMaps("correlation"),
  };
}
