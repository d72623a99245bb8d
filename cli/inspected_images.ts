/**
 * Images to look inside of a model with.
 *
 * @module
 */

import type { Split } from "../core/data/dataset.ts";
import type { ShownImage } from "../core/study/inspect/inspect_page.ts";

/** Images as the model takes them, and as a page shows them. */
export interface InspectedImages {
  readonly split: Split;
  readonly shown: readonly ShownImage[];
}

/** Images of a split at even distances, so that classes differ. */
export function imagesFrom(
  { images, labels, count }: Split,
  wanted: number,
  size: number,
): InspectedImages {
  const shown = Math.min(wanted, count);
  const indices = Array.from(
    { length: shown },
    (_, i) => Math.floor(i * count / shown),
  );
  const bytes = size ** 2 * 3;
  const chosen = new Uint8Array(shown * bytes);
  indices.forEach((index, i) =>
    chosen.set(images.subarray(index * bytes, (index + 1) * bytes), i * bytes)
  );
  const split = {
    images: chosen,
    labels: Int32Array.from(indices, (index) => labels[index]),
    count: shown,
  };
  return {
    split,
    shown: indices.map((index, i) => ({
      ...squareOf(split, i, size),
      label: labels[index],
      name: `image ${index}`,
    })),
  };
}

/** The picture of an image of a split. */
export function squareOf(
  { images }: Split,
  index: number,
  size: number,
): { pixels: Uint8Array; size: number } {
  const bytes = size ** 2 * 3;
  return { pixels: images.slice(index * bytes, (index + 1) * bytes), size };
}
