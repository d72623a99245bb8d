import assert from "node:assert/strict";
import { adapterFormats } from "../../../core/export/adapter_formats.ts";
import { hf } from "../../../core/export/hf.ts";
import { importRun } from "../../../core/export/import_run.ts";
import { readAdapter } from "../../../core/export/read_adapter.ts";
import { writeFolder } from "../../../core/export/write_folder.ts";
import type { Backbone } from "../../../core/models/backbone.ts";
import type { RunDirectory } from "../../../core/train/run_directory.ts";
import { assertClose } from "../../support/assert_close.ts";
import { inFolder } from "../../support/folder.ts";
import { runForeign } from "../../support/foreign.ts";
import { python } from "../../support/python.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import {
  CLASSES,
  images,
  logitsOfRun,
  randomRun,
  smallBackbone,
} from "./adapter_case.ts";

async function exportRun(
  run: RunDirectory,
  format: string,
  path: string,
): Promise<void> {
  const { config } = run;
  const file = await run.readAdapterFile();
  await writeFolder(
    path,
    adapterFormats.get(format)!.encode({ config, file }),
  );
}

const CASES = [
  ["peft", "lora", { rank: 3, alpha: 7, targets: "q,v" }],
  ["peft", "lora", { rank: 2, targets: "k,fc2", dropout: 0.1 }],
  ["peft", "lora", { rank: 2, targets: "q,k,v,proj,fc1,fc2" }],
  ["alore", "alore", { experts: 4, rank: 2, scale: 0.5 }],
  ["alore", "lora", {}],
  ["alore", "bitfit", {}],
] as const;

for (const [format, method, options] of CASES) {
  const words = Object.values(options).join(" ");
  Deno.test(`${method} ${words} comes back from ${format} to the bit`, () =>
    inFolder(async (folder) => {
      const backbone = await smallBackbone(folder);
      const run = await randomRun(`${folder}/a`, backbone, method, options);
      await exportRun(run, format, `${folder}/adapter`);
      const again = await importRun({
        adapter: await readAdapter(`${folder}/adapter`),
        backbone,
        source: "small.safetensors",
        seed: 0,
        path: `${folder}/b`,
      });
      const { config } = again;
      assert.deepEqual(config.options, run.config.options);
      assert.deepEqual(config.classes, CLASSES);
      assert.deepEqual(config.data.resize, run.config.data.resize);
      assert.deepEqual(config.preprocess.mean, backbone.preprocess.mean);
      assert.equal(config.settings.epochs, 0);
      assert.deepEqual(config.imported, {
        source: `${folder}/adapter`,
        format,
      });
      assert.deepEqual(
        await logitsOfRun(again, backbone),
        await logitsOfRun(run, backbone),
      );
    }));
}

/** Writes a backbone, with any head, as transformers has it. */
async function writeHuggingFace(
  path: string,
  { config, tensors, preprocess }: Backbone,
): Promise<void> {
  const classes = Array.from({ length: config.classes }, (_, i) => `${i}`);
  const model = { config, preprocess, tensors, classes, provenance: {} };
  await writeFolder(path, hf.encode(model, "F32"));
}

for (const [format, method, options] of CASES.slice(0, 4)) {
  Deno.test({
    name: `PyTorch folds ${method} ${Object.values(options).join(" ")} as ` +
      `${format} has it, and gives the same logits`,
    ignore: !python,
    fn: () =>
      inFolder(async (folder) => {
        const backbone = await smallBackbone(folder);
        const run = await randomRun(`${folder}/a`, backbone, method, options);
        await exportRun(run, format, `${folder}/adapter`);
        await writeHuggingFace(`${folder}/base`, backbone);
        const bytes = new Uint8Array(images.buffer);
        await Deno.writeFile(`${folder}/images.f32`, bytes);
        const actual = await runForeign(
          "adapters.py",
          format,
          ...["adapter", "base", "images.f32"].map((name) =>
            `${folder}/${name}`
          ),
        ) as number[];
        const wanted = await logitsOfRun(run, backbone);
        assert.ok(Math.max(...wanted.map(Math.abs)) > 0.1);
        assertClose(actual, wanted, TOLERANCE.foreign, "logits");
      }),
  });
}

Deno.test("an export to peft refuses what peft has no words for", () =>
  inFolder(async (folder) => {
    const backbone = await smallBackbone(folder);
    const run = await randomRun(`${folder}/a`, backbone, "alore");
    await assert.rejects(exportRun(run, "peft", `${folder}/adapter`), {
      name: "RangeError",
      message: "Cannot export the adapter as peft: got alore, wanted lora",
    });
    await assert.rejects(Deno.stat(`${folder}/adapter`), Deno.errors.NotFound);
  }));
