import {
  checkDataset,
  type DatasetCheck,
} from "../../core/data/check_dataset.ts";
import { type Dataset, readDataset } from "../../core/data/dataset.ts";
import type { CliCommand } from "../command.ts";
import { printDataset, summarise } from "../dataset_summary.ts";
import { plural } from "../format.ts";
import type { Input } from "../input.ts";
import type { Output } from "../output.ts";

/** Verifies a data set file. */
export const dataCheck: CliCommand = {
  name: "data check",
  summary: "verifies a data set file and lists what it holds",
  examples: ["data check photos.safetensors"],
  arguments: [{ name: "FILE", help: "a file that data prepare wrote" }],
  flags: [],
  run,
};

async function run(input: Input, output: Output): Promise<unknown> {
  const file = input.word("FILE");
  const dataset = await readDataset(file);
  const check = checkDataset(dataset);
  printDataset(dataset, output);
  const { source, licence, preparedWith } = dataset.description;
  output.print(`Source   ${source}`);
  output.print(`Licence  ${licence || "not stated"}`);
  output.print(`Made by  ${preparedWith}`);
  output.print(`SHA-256  ${dataset.hash}`);
  for (const [split, { mean, std }] of check.splits) {
    const list = (values: number[]) =>
      values.map((value) => value.toFixed(3)).join(" ");
    output.detail(`${split}: mean ${list(mean)}, deviation ${list(std)}`);
  }
  const warnings = faultsOf(dataset, check);
  warnings.forEach((fault) => output.warn(fault));
  output.print();
  const end = warnings.length ? `, ${plural(warnings.length, "warning")}` : "";
  output.print(`Good: every check passed${end}`);
  const { hash } = dataset;
  return { file, hash, ...summarise(dataset), ...check, warnings };
}

/** What a user should know of a file that is whole. */
function faultsOf(
  { classes }: Dataset,
  { splits, duplicates }: DatasetCheck,
): string[] {
  const faults = [...splits].flatMap(([split, { perClass }]) => {
    const empty = classes.filter((_, i) => perClass[i] === 0);
    return empty.length
      ? [`no images in ${split} of: ${empty.join(", ")}`]
      : [];
  });
  if (duplicates.length === 0) return faults;
  const across = duplicates
    .filter(({ first, second }) => first.split !== second.split).length;
  const apart = duplicates.filter(({ sameLabel }) => !sameLabel).length;
  const [{ first, second }] = duplicates;
  return [
    ...faults,
    `${
      plural(duplicates.length, "image")
    } equal to an earlier one, ${across} ` +
    `of them in another split, ${apart} with another class; the first: ` +
    `${second.split} ${second.index} and ${first.split} ${first.index}`,
  ];
}
