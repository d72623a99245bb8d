/**
 * Whether a data set's images are what a backbone expects.
 *
 * @module
 */

import { sameCrop, shortCropPct } from "../data/crop.ts";
import type { Dataset } from "../data/dataset.ts";
import { hinted } from "../errors.ts";
import type { ImageConfig } from "../models/architecture.ts";
import type { Preprocess } from "../models/preprocess.ts";

/** What a backbone wants of images. */
export interface ImagesWanted {
  /** Sizes of the model. */
  readonly config: ImageConfig;
  /** As the backbone learned. */
  readonly preprocess: Preprocess;
}

/** Who asks. */
export interface DataCheck {
  /** What messages call the data. */
  readonly source: string;
  /** What is done on the data; default `train`. */
  readonly verb?: "train" | "evaluate";
  /** Whether the caller has flags that bend the model to the data. */
  readonly bends?: boolean;
}

/**
 * Holds the way in which a data set was prepared against a backbone. Where
 * either does not know how its images were resized, filter and crop are not
 * compared.
 *
 * @throws {RangeError} If the image size, the resizing filter or the share of a
 * centre crop differ; the hint has the command that prepares the data right.
 */
export function checkData(
  dataset: Pick<Dataset, "imageSize" | "description">,
  wanted: ImagesWanted,
  { source, verb = "train", bends = false }: DataCheck,
): void {
  const compared = compare(dataset, wanted);
  const faults = compared.filter(({ same }) => !same);
  if (faults.length === 0) return;
  const right = compared.filter(({ flag, same }) =>
    !same || flag !== "crop-pct"
  );
  const bent = compared.filter(({ same, fits }) => !(same && fits)).map((
    { bend, is },
  ) => `--${bend} ${is}`).join(" ");
  throw hinted(
    new RangeError(
      `Cannot ${verb} on ${source}: got ` +
        faults.map(({ got }) => got).join("; got "),
    ),
    again(dataset.description.preparedWith, right) +
      (bends ? `; or ${bent} trains on them as they are` : ""),
  );
}

/** One thing about images that data and backbone may not agree in. */
interface Comparison {
  /** Flag of `data prepare`. */
  readonly flag: string;
  /** Flag of `train` that takes the data as they are. */
  readonly bend: string;
  readonly is: string | number;
  readonly wanted: string | number;
  /** Whether they are what the backbone wants at its own size. */
  readonly same: boolean;
  /** Whether they would be at the size of the data. */
  readonly fits: boolean;
  readonly got: string;
}

function compare(
  { imageSize, description }: Pick<Dataset, "imageSize" | "description">,
  { config, preprocess }: ImagesWanted,
): Comparison[] {
  const { filter, cropPct: is = 1 } = description.resize;
  const { interpolation, cropPct } = preprocess;
  const size = config.imageSize;
  const found: Comparison[] = [{
    flag: "size",
    bend: "image-size",
    is: imageSize,
    wanted: size,
    same: imageSize === size,
    fits: true,
    got: `images of ${imageSize} pixels, wanted the backbone's ${size}`,
  }];
  if (!FILTERS.includes(filter)) return found;
  if (interpolation !== undefined) {
    found.push({
      flag: "filter",
      bend: "interpolation",
      is: filter,
      wanted: interpolation,
      same: filter === interpolation,
      fits: filter === interpolation,
      got: `images resized by ${filter}, wanted ${interpolation} as the ` +
        "backbone learned",
    });
  }
  if (cropPct !== undefined) {
    const wanted = shortCropPct(size, cropPct);
    found.push({
      flag: "crop-pct",
      bend: "crop-pct",
      is,
      wanted,
      same: sameCrop(size, is, cropPct),
      fits: sameCrop(imageSize, is, cropPct),
      got: `images with crop_pct ${is}, wanted ${wanted} as the backbone ` +
        "learned",
    });
  }
  return found;
}

/** Filters that a data set may record; other words mean that it knows none. */
const FILTERS = ["bicubic", "bilinear", "nearest"];

/** How to prepare the data once more. */
function again(command: string, right: readonly Comparison[]): string {
  const flags = right.map(({ flag, wanted }) => `--${flag} ${wanted}`)
    .join(" ");
  const prefix = "alore data prepare ";
  if (!command.startsWith(prefix)) {
    return `prepare the data again with ${flags}`;
  }
  const kept = right.reduce(
    (text, { flag }) => text.replace(new RegExp(` --${flag} \\S+`), ""),
    command,
  );
  return `prepare the data again with: deno task ${kept} ${flags} ` +
    "--out NEW.safetensors";
}
