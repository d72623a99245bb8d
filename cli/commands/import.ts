import { importRun } from "../../core/export/import_run.ts";
import { readAdapter } from "../../core/export/read_adapter.ts";
import { refuseExisting } from "../../core/weights/write_file.ts";
import { openBackbone } from "../backbone.ts";
import type { CliCommand } from "../command.ts";
import { seedFlag } from "../flags.ts";
import { plural } from "../format.ts";
import { backboneFacts } from "../image_flags.ts";
import type { Input } from "../input.ts";
import type { Output } from "../output.ts";

/** Makes a run of an adapter that was trained elsewhere. */
export const importCommand: CliCommand = {
  name: "import",
  summary: "makes a run of an adapter that peft or export wrote",
  examples: [
    "import photos-lora --backbone vit-base/ --out runs/photos",
    "import photos-lora --backbone vit-base/ --classes cat,dog " +
    "--out runs/photos",
  ],
  arguments: [{
    name: "FOLDER",
    help: "an adapter: a LoRA of a vision transformer that peft saved with " +
      "its classifier, or what export wrote",
  }],
  flags: [
    {
      name: "backbone",
      kind: "text",
      placeholder: "PATH|NAME",
      required: true,
      help: "the weights that it was trained on",
    },
    {
      name: "out",
      kind: "text",
      placeholder: "RUN",
      required: true,
      help:
        "folder of the new run, for eval, predict, merge and export; must " +
        "not exist",
    },
    {
      name: "classes",
      kind: "text",
      placeholder: "NAME,NAME,…",
      defaultText: "id2label of config.json in the folder",
      help: "class names in the order of the classifier's rows",
    },
    { ...seedFlag, help: "seed of a scratch:NAME backbone" },
  ],
  run,
};

async function run(input: Input, output: Output): Promise<unknown> {
  const [folder, path] = [input.word("FOLDER"), input.text("out")];
  await refuseExisting(path);
  const adapter = await readAdapter(folder.replace(/(.)\/+$/, "$1"));
  const [source, seed] = [input.text("backbone"), input.number("seed")];
  const backbone = await openBackbone(source, seed, adapter.imageSize);
  backboneFacts(backbone).forEach((line) => output.note(line));
  const classes = input.textOr("classes")?.split(",")
    .map((name) => name.trim()).filter(Boolean);
  const request = { adapter, backbone, source, seed, path };
  const { config } = await importRun({ ...request, classes });
  const { options } = config;
  const settings = Object.entries(options)
    .map(([name, value]) => `${name} ${value}`);
  output.print(
    `Imported    ${config.method} from ${adapter.format}: ` +
      `${settings.join(", ")}`,
  );
  output.print(
    `            ${plural(adapter.tensors.size, "tensor")}, ` +
      `${config.classes.length} classes`,
  );
  if (!adapter.backbone) {
    output.print(
      `Backbone    taken as given: ${adapter.format} does not say which ` +
        "weights it was trained on",
    );
  }
  output.print(`Run         ${path}`);
  output.print(
    `Next        deno task alore eval --run ${path} --data FILE`,
  );
  return {
    run: path,
    format: adapter.format,
    method: config.method,
    options,
    backbone: config.backbone,
    classes: config.classes,
  };
}
