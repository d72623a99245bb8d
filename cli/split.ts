import type { Dataset, Split } from "../core/data/dataset.ts";

/**
 * A split by its name.
 *
 * @param file What messages call the data set.
 * @throws {RangeError} If the data set does not have it.
 */
export function splitOf(dataset: Dataset, name: string, file: string): Split {
  for (const [split, images] of dataset.splits) {
    if (split === name) return images;
  }
  throw new RangeError(
    `Cannot read ${file}: got no ${name} split, wanted one of ` +
      [...dataset.splits.keys()].join(", "),
  );
}
