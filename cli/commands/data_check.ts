import { readDataset } from "../../core/data/dataset.ts";
import type { CliCommand } from "../command.ts";
import { printDataset, summarise } from "../dataset_summary.ts";
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
  printDataset(dataset, output);
  const { source, licence, preparedWith } = dataset.description;
  output.print(`Source   ${source}`);
  output.print(`Licence  ${licence || "not stated"}`);
  output.print(`Made by  ${preparedWith}`);
  output.print(`SHA-256  ${dataset.hash}`);
  const { splits, classes } = summarise(dataset);
  const faults = Object.entries(splits).flatMap(([split, { perClass }]) => {
    const empty = classes.filter((_, i) => perClass[i] === 0);
    return empty.length
      ? [`No images in ${split} of: ${empty.join(", ")}`]
      : [];
  });
  faults.forEach((fault) => output.warn(fault));
  output.print();
  output.print(faults.length ? "Readable, with the warnings above" : "Good");
  return { file, hash: dataset.hash, ...summarise(dataset), warnings: faults };
}
