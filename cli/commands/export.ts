import { adapterFormats } from "../../core/export/adapter_formats.ts";
import { writeFolder } from "../../core/export/write_folder.ts";
import type { RunConfig } from "../../core/train/run_config.ts";
import { RunDirectory } from "../../core/train/run_directory.ts";
import type { SafetensorsFile } from "../../core/weights/safetensors.ts";
import { refuseExisting } from "../../core/weights/write_file.ts";
import type { CliCommand } from "../command.ts";
import { bytes, plural } from "../format.ts";
import type { Input } from "../input.ts";
import { runFlags } from "../model.ts";
import type { Output } from "../output.ts";

/** Writes a run's adapter for other programs. */
export const exportCommand: CliCommand = {
  name: "export",
  summary: "writes a run's adapter, without the backbone, to share it",
  examples: [
    "export --run runs/photos --out photos-adapter",
    "export --run runs/lora --format peft --base google/vit-base-patch16-224 " +
    "--out photos-lora",
  ],
  flags: [
    ...runFlags.filter(({ name }) => name !== "backbone"),
    {
      name: "out",
      kind: "text",
      placeholder: "FOLDER",
      required: true,
      help: "the folder to write; must not exist",
    },
    {
      name: "format",
      kind: "text",
      choices: [...adapterFormats.keys()],
      defaultText: "peft for lora, alore for the others",
      help: [...adapterFormats.values()]
        .map(({ name, summary }) => `${name}: ${summary}`).join("; "),
    },
    {
      name: "base",
      kind: "text",
      placeholder: "NAME|FOLDER",
      defaultText: "as the run was trained with",
      help:
        "peft: where the backbone is in Hugging Face's layout, on the hub " +
        "or in a folder",
    },
  ],
  run,
};

async function run(input: Input, output: Output): Promise<unknown> {
  const out = input.text("out");
  await refuseExisting(out);
  const { config, file } = await openAdapter(input);
  const { method, classes, backbone } = config;
  const name = input.textOr("format") ?? (method === "lora" ? "peft" : "alore");
  const base = input.textOr("base");
  const files = adapterFormats.get(name)!.encode({ config, file, base });
  await writeFolder(out, files);
  const size = [...files.values()]
    .reduce((sum, { length }) => sum + length, 0);
  output.print(
    `Exported  ${method} as ${name}: ${plural(file.tensors.size, "tensor")}, ` +
      `${classes.length} classes, ${bytes(size)}`,
  );
  output.print(`Backbone  ${base ?? backbone.source}`);
  output.print(`Wrote     ${out}: ${[...files.keys()].join(", ")}`);
  return {
    folder: out,
    format: name,
    method,
    files: [...files.keys()],
    base: base ?? backbone.source,
    backbone,
    classes,
  };
}

async function openAdapter(
  input: Input,
): Promise<{ config: RunConfig; file: SafetensorsFile }> {
  const run = await RunDirectory.open(input.text("run"));
  const file = await run.readAdapterFile(input.on("best") ? "best" : "last");
  return { config: run.config, file };
}
