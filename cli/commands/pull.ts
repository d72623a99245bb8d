import { HUB, hubFiles, placeOf, pulledFolder } from "../../core/models/hub.ts";
import { inspectBackbone } from "../../core/models/backbone.ts";
import { hinted } from "../../core/errors.ts";
import { download } from "../../core/weights/download.ts";
import type { CliCommand } from "../command.ts";
import type { Input } from "../input.ts";
import type { Output } from "../output.ts";
import { CountBar } from "../progress.ts";

/** Fetches a pretrained backbone. */
export const pull: CliCommand = {
  name: "pull",
  summary: "downloads a pretrained backbone from the Hugging Face hub",
  examples: ["pull vit-b16", "pull timm/vit_base_patch16_224.mae"],
  arguments: [{ name: "NAME", help: "such as vit-b16, or OWNER/NAME" }],
  flags: [
    {
      name: "out",
      kind: "text",
      placeholder: "FOLDER",
      defaultText: "backbones/NAME",
      help: "where it goes; what is there already is checked and kept",
    },
    {
      name: "revision",
      kind: "text",
      defaultText: "main, or where the weights are",
      help: "branch, tag or commit on the hub",
    },
    {
      name: "hub",
      kind: "text",
      placeholder: "URL",
      default: HUB,
      help: "a mirror of the hub",
    },
  ],
  run,
};

const MEBIBYTE = 1 << 20;

async function run(input: Input, output: Output): Promise<unknown> {
  const name = input.word("NAME");
  const { repository, revision } = placeOf(name);
  const out = input.textOr("out") ?? pulledFolder(name);
  const files = await online(() =>
    hubFiles(repository, {
      hub: input.text("hub").replace(/\/+$/, ""),
      revision: input.textOr("revision") ?? revision,
    })
  );
  await Deno.mkdir(out, { recursive: true });
  for (const file of files) {
    const bar = new CountBar(output, `MiB ${file.name}`);
    const mebibytes = (bytes: number) => Math.ceil(bytes / MEBIBYTE);
    const fetched = await online(() =>
      download({
        ...file,
        path: `${out}/${file.name}`,
        onProgress: (done, total) =>
          bar.update(mebibytes(done), mebibytes(total)),
      })
    ).finally(() => bar.stop());
    const state = fetched ? "fetched and checked" : "there already, checked";
    output.note(`${file.name}  ${mebibytes(file.size)} MiB, ${state}`);
  }
  const { family, config } = await inspectBackbone(out);
  output.print(`Backbone  ${repository} (${family}, ${config.imageSize} px)`);
  output.print(`Folder    ${out}`);
  output.print(
    `Next      deno task alore train --backbone ${out} --data FILE --out RUN`,
  );
  return { repository, folder: out, family, config, files };
}

/** Only one task has the network. */
async function online<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw hinted(
      new RangeError(
        "Cannot pull the backbone: got no permission to use the network, " +
          "wanted it",
        { cause: error },
      ),
      "it has a task of its own: deno task pull NAME",
    );
  }
}
