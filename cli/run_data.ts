/**
 * Finds the images that a run is evaluated on.
 *
 * @module
 */

import { type Dataset, readDataset } from "../core/data/dataset.ts";
import { hinted } from "../core/errors.ts";
import { checkData } from "../core/train/check_data.ts";
import type { RunConfig } from "../core/train/run_config.ts";

/**
 * Reads a data set for a run; where its classes come in another order, labels
 * are changed to the run's.
 *
 * @param path Left out, the data that the run was trained on.
 * @throws {RangeError} If the classes are others, the images were brought to their
 * size in another way, or the run's own data have changed or, since it was
 * imported, are not known.
 */
export async function readRunData(
  config: RunConfig,
  path?: string,
): Promise<Dataset> {
  if (path === undefined && config.imported) {
    throw hinted(
      new RangeError(
        "Cannot evaluate the run on its own data: got an imported adapter, " +
          "whose data are not known, wanted a data set",
      ),
      "say which with --data FILE",
    );
  }
  const file = path ?? config.data.source;
  const dataset = await readDataset(file);
  if (path === undefined && dataset.hash !== config.data.hash) {
    throw hinted(
      new RangeError(
        `Cannot evaluate on ${file}: got a file that has changed, wanted the ` +
          "one that the run was trained on",
      ),
      `--data ${file} takes it as it is`,
    );
  }
  if (path !== undefined) {
    const { model, preprocess } = config;
    const wanted = { config: model, preprocess };
    checkData(dataset, wanted, { source: file, verb: "evaluate" });
  }
  return withClasses(dataset, config.classes, file);
}

function withClasses(
  dataset: Dataset,
  classes: readonly string[],
  file: string,
): Dataset {
  const missing = classes.filter((name) => !dataset.classes.includes(name));
  const extra = dataset.classes.filter((name) => !classes.includes(name));
  if (missing.length > 0 || extra.length > 0) {
    const faults = [
      missing.length ? `without ${list(missing)}` : "",
      extra.length ? `with ${list(extra)}` : "",
    ].filter(Boolean);
    throw hinted(
      new RangeError(
        `Cannot evaluate on ${file}: got classes ${faults.join(" and ")}, ` +
          `wanted the run's: ${list(classes)}`,
      ),
      "prepare data with the same class folders",
    );
  }
  const places = dataset.classes.map((name) => classes.indexOf(name));
  if (places.every((place, i) => place === i)) return dataset;
  const splits = new Map(
    [...dataset.splits].map(([name, split]) => [name, {
      ...split,
      labels: split.labels.map((label) => places[label]),
    }]),
  );
  return { ...dataset, classes: [...classes], splits };
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 8).map((name) => `"${name}"`).join(", ");
  return names.length > 8 ? `${shown}, … (${names.length})` : shown;
}
