import type { UnsavedDataset } from "../core/data/dataset.ts";
import { count } from "./format.ts";
import type { Output } from "./output.ts";
import { table } from "./table.ts";

/** What a data set holds, for `--json`. */
export interface DatasetSummary {
  readonly name: string;
  readonly imageSize: number;
  readonly classes: readonly string[];
  /** Images of each split, and of each of its classes. */
  readonly splits: Record<string, { count: number; perClass: number[] }>;
  readonly description: UnsavedDataset["description"];
}

/** Counts what a data set holds. */
export function summarise(dataset: UnsavedDataset): DatasetSummary {
  const { imageSize, classes, description } = dataset;
  const splits: DatasetSummary["splits"] = {};
  for (const [name, { labels, count }] of dataset.splits) {
    const perClass = classes.map(() => 0);
    for (const label of labels) perClass[label]++;
    splits[name] = { count, perClass };
  }
  return { name: description.name, imageSize, classes, splits, description };
}

/** Classes listed one a line up to this many; only counted beyond. */
const LISTED = 30;

/** Prints a data set's splits and classes as a table. */
export function printDataset(dataset: UnsavedDataset, output: Output): void {
  const { name, imageSize, classes, splits } = summarise(dataset);
  const names = Object.keys(splits);
  output.print(
    `${name}  ${classes.length} classes, images of ${imageSize} × ${imageSize}`,
  );
  output.print();
  const listed = classes.length <= LISTED ? classes : [];
  const rows = listed.map((label, i) => [
    label,
    ...names.map((split) => count(splits[split].perClass[i])),
  ]);
  rows.push(["all", ...names.map((split) => count(splits[split].count))]);
  const columns = [
    { title: "class" },
    ...names.map((title) => ({ title, align: "right" as const })),
  ];
  table(columns, rows).forEach((line) => output.print(line));
  output.print();
}
