/**
 * Whether a data set's images are what a backbone expects.
 *
 * @module
 */

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

/**
 * Holds the way in which a data set was prepared against a backbone. Where
 * either does not know how its images were resized, the filter is not compared.
 *
 * @param source What messages call the data.
 * @param bends Whether the caller has flags that bend the model to the data.
 * @throws {RangeError} If the image size or the resizing filter differ; the
 * hint has the command that prepares the data right.
 */
export function checkData(
  dataset: Pick<Dataset, "imageSize" | "description">,
  { config, preprocess }: ImagesWanted,
  source: string,
  bends = false,
): void {
  const { imageSize, description } = dataset;
  const { interpolation } = preprocess;
  const { filter } = description.resize;
  const wanted = { size: config.imageSize, filter: interpolation ?? filter };
  const known = FILTERS.includes(filter) && interpolation !== undefined;
  if (imageSize !== config.imageSize) {
    throw hinted(
      new RangeError(
        `Cannot train on ${source}: got images of ${imageSize} pixels, ` +
          `wanted the backbone's ${config.imageSize}`,
      ),
      again(description.preparedWith, known ? wanted : { size: wanted.size }) +
        (bends
          ? `; or --image-size ${imageSize} resizes the position embeddings`
          : ""),
    );
  }
  if (!known || filter === interpolation) return;
  throw hinted(
    new RangeError(
      `Cannot train on ${source}: got images resized by ${filter}, wanted ` +
        `${interpolation} as the backbone learned`,
    ),
    again(description.preparedWith, wanted) +
      (bends
        ? `; or --interpolation ${filter} trains on them as they are`
        : ""),
  );
}

/** Filters that a data set may record; other words mean that it knows none. */
const FILTERS = ["bicubic", "bilinear", "nearest"];

/** How to prepare the data once more. */
function again(
  command: string,
  wanted: Readonly<Record<string, string | number>>,
): string {
  const flags = Object.entries(wanted)
    .map(([name, value]) => `--${name} ${value}`).join(" ");
  const prefix = "alore data prepare ";
  if (!command.startsWith(prefix)) {
    return `prepare the data again with ${flags}`;
  }
  const kept = Object.keys(wanted).reduce(
    (text, name) => text.replace(new RegExp(` --${name} \\S+`), ""),
    command,
  );
  return `prepare the data again with: ${kept} ${flags} --out NEW.safetensors`;
}
