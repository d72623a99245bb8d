import { contactSheet } from "../../core/data/contact_sheet.ts";
import { readDataset, splitNames } from "../../core/data/dataset.ts";
import { encodePng } from "../../core/data/encode_png.ts";
import { refuseExisting, writeFile } from "../../core/weights/write_file.ts";
import type { CliCommand } from "../command.ts";
import type { Input } from "../input.ts";
import type { Output } from "../output.ts";
import { splitOf } from "../split.ts";

/** Draws images of a data set as one picture. */
export const dataShow: CliCommand = {
  name: "data show",
  summary: "draws a contact sheet of a data set",
  examples: ["data show photos.safetensors --out sheet.png"],
  arguments: [{ name: "FILE", help: "a file that data prepare wrote" }],
  flags: [
    {
      name: "out",
      kind: "text",
      placeholder: "FILE.png",
      required: true,
      help: "the picture to write; must not exist",
    },
    {
      name: "split",
      kind: "text",
      choices: splitNames,
      default: "train",
      help: "which images",
    },
    {
      name: "count",
      kind: "integer",
      default: 100,
      minimum: 1,
      help: "how many images",
    },
    {
      name: "columns",
      kind: "integer",
      default: 10,
      minimum: 1,
      help: "images in a row",
    },
    {
      name: "scale",
      kind: "integer",
      default: 1,
      minimum: 1,
      help: "whole factor that enlarges them",
    },
  ],
  run,
};

async function run(input: Input, output: Output): Promise<unknown> {
  const [file, out] = [input.word("FILE"), input.text("out")];
  await refuseExisting(out);
  const dataset = await readDataset(file);
  const split = splitOf(dataset, input.text("split"), file);
  const sheet = contactSheet(split, dataset.imageSize, {
    count: Math.min(split.count, input.number("count")),
    columns: input.number("columns"),
    scale: input.number("scale"),
  });
  await writeFile(out, encodePng(sheet));
  output.print(`Wrote ${out}, ${sheet.width} × ${sheet.height} pixels`);
  return { file: out, width: sheet.width, height: sheet.height };
}
