/**
 * This program's own layout of adapters, which `docs/adapter_format.md`
 * describes; every method has it.
 *
 * @module
 */

import { findMethod } from "../methods/mod.ts";
import { adapterMetadata } from "../train/adapter_file.ts";
import { VERSION } from "../version.ts";
import { encodeSafetensors } from "../weights/safetensors.ts";
import type { AdapterFormat, TrainedAdapter } from "./adapter_format.ts";
import type { ExportedFiles } from "./exported_model.ts";

/** The file of the tensors in an adapter's folder. */
export const ALORE_FILE = "adapter.safetensors";

/** `adapter.safetensors`, and `README.md` for people. */
export const aloreAdapter: AdapterFormat = {
  name: "alore",
  summary: "adapter.safetensors with all that is needed in its metadata, of " +
    "any method",
  encode(adapter): ExportedFiles {
    const { config, file: { metadata, tensors } } = adapter;
    const epoch = Number(metadata.epoch);
    return new Map([
      [
        ALORE_FILE,
        encodeSafetensors({
          metadata: adapterMetadata(config, epoch),
          tensors,
        }),
      ],
      ["README.md", new TextEncoder().encode(readme(adapter))],
    ]);
  },
};

function readme({ config, file }: TrainedAdapter): string {
  const { method: name, options, backbone, classes } = config;
  const method = findMethod(name);
  const settings = Object.entries(options)
    .map(([option, value]) => `${option} ${value}`);
  return [
    `# A ${name} adapter`,
    "",
    `${method.summary} (${method.source}).`,
    "",
    `- method: ${[name, ...settings].join(", ")}`,
    `- backbone: ${backbone.source}, SHA-256 ${backbone.hash}`,
    `- classes: ${classes.join(", ")}`,
    `- tensors: ${file.tensors.size} in \`${ALORE_FILE}\``,
    "",
    `Written by alore ${VERSION}, which reads it again:`,
    "",
    "    deno task alore import FOLDER --backbone PATH --out RUN",
    "",
    "What the tensors are and how they fold into the backbone is said in",
    "`docs/adapter_format.md` of alore.",
    "",
  ].join("\n");
}
