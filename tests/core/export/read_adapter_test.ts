import assert from "node:assert/strict";
import { adapterFormats } from "../../../core/export/adapter_formats.ts";
import { importRun } from "../../../core/export/import_run.ts";
import { readAdapter } from "../../../core/export/read_adapter.ts";
import { writeFolder } from "../../../core/export/write_folder.ts";
import {
  type Backbone,
  scratchBackbone,
} from "../../../core/models/backbone.ts";
import {
  fromFloat32,
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from "../../../core/weights/safetensors.ts";
import { inFolder } from "../../support/folder.ts";
import { SMALL } from "../../support/small_run.ts";
import { randomRun, smallBackbone } from "./adapter_case.ts";

/** An adapter as peft writes it, in `adapter`. */
async function inPeft(
  work: (folder: string, backbone: Backbone) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const backbone = await smallBackbone(folder);
    const run = await randomRun(`${folder}/run`, backbone, "lora");
    const adapter = { config: run.config, file: await run.readAdapterFile() };
    const files = adapterFormats.get("peft")!.encode(adapter);
    await writeFolder(`${folder}/adapter`, files);
    await work(folder, backbone);
  });
}

async function changeSettings(
  folder: string,
  change: Record<string, unknown>,
): Promise<void> {
  const path = `${folder}/adapter/adapter_config.json`;
  const settings = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...settings, ...change }));
}

async function changeTensors(
  folder: string,
  change: (tensors: Map<string, StoredTensor>) => void,
): Promise<void> {
  const path = `${folder}/adapter/adapter_model.safetensors`;
  const { metadata, tensors } = await readSafetensors(path);
  const changed = new Map(tensors);
  change(changed);
  await writeSafetensors(path, { metadata, tensors: changed }, {
    overwrite: true,
  });
}

const REFUSED: readonly (readonly [Record<string, unknown>, RegExp])[] = [
  [{ ["peft_type"]: "LOHA" }, /got an adapter of peft's LOHA, wanted LORA/],
  [{ ["use_dora"]: true }, /got use_dora in its settings, wanted plain LoRA/],
  [{ ["rank_pattern"]: { query: 4 } }, /got rank_pattern in its settings/],
  [{ ["alpha_pattern"]: { query: 4 } }, /got alpha_pattern in its settings/],
  [{ ["fan_in_fan_out"]: true }, /got fan_in_fan_out in its settings/],
  [{ bias: "all" }, /got bias all, wanted none/],
  [{ ["init_lora_weights"]: "pissa" }, /got init_lora_weights pissa, which/],
  [
    { ["modules_to_save"]: ["classifier", "pooler"] },
    /got trained modules pooler, wanted the classifier alone/,
  ],
  [{ r: 0 }, /got a wrong field "r"/],
  [{ ["lora_alpha"]: "8" }, /got a wrong field "lora_alpha"/],
];

Deno.test("readAdapter() refuses what is not plain LoRA", () =>
  inPeft(async (folder) => {
    const path = `${folder}/adapter/adapter_config.json`;
    const before = await Deno.readTextFile(path);
    for (const [change, message] of REFUSED) {
      await changeSettings(folder, change);
      await assert.rejects(readAdapter(`${folder}/adapter`), { message });
      await Deno.writeTextFile(path, before);
    }
    await Deno.writeTextFile(path, "{");
    await assert.rejects(readAdapter(`${folder}/adapter`), {
      name: "SyntaxError",
      message: /adapter_config\.json: got text that is not JSON/,
    });
  }));

Deno.test("readAdapter() takes rslora's factor of alpha / √rank", () =>
  inPeft(async (folder) => {
    await changeSettings(folder, { ["use_rslora"]: true, ["lora_alpha"]: 5 });
    const { options } = await readAdapter(`${folder}/adapter`);
    const factor = Number(options.alpha) / Number(options.rank);
    assert.ok(Math.abs(factor - 5 / Math.sqrt(8)) < 1e-15);
  }));

Deno.test("readAdapter() refuses tensors of other layers, and no classifier", () =>
  inPeft(async (folder) => {
    const other = "base_model.model.vit.pooler.dense.lora_A.weight";
    await changeTensors(folder, (tensors) => {
      tensors.set(other, fromFloat32(new Float32Array(2), [1, 2]));
    });
    await assert.rejects(readAdapter(`${folder}/adapter`), {
      name: "TypeError",
      message:
        /got the tensors base_model\.model\.vit\.pooler.*, wanted LoRA's/,
    });
    await changeTensors(folder, (tensors) => {
      tensors.delete(other);
      tensors.delete("base_model.model.classifier.weight");
    });
    await assert.rejects(readAdapter(`${folder}/adapter`), {
      name: "TypeError",
      message: /got no base_model\.model\.classifier\.weight/,
    });
  }));

Deno.test("readAdapter() refuses a pickle and an empty folder", () =>
  inPeft(async (folder) => {
    const adapter = `${folder}/adapter`;
    const name = `${adapter}/adapter_model`;
    await Deno.rename(`${name}.safetensors`, `${name}.bin`);
    await assert.rejects(readAdapter(adapter), { message: /a Python pickle/ });
    await Deno.remove(`${adapter}/adapter_config.json`);
    await assert.rejects(readAdapter(adapter), {
      name: "RangeError",
      message: /got no adapter_config\.json or adapter\.safetensors in it/,
    });
  }));

Deno.test("importRun() refuses what does not fit, and leaves nothing behind", () =>
  inPeft(async (folder, backbone) => {
    const path = `${folder}/imported`;
    const request = { source: "small.safetensors", seed: 0, path };
    const adapter = await readAdapter(`${folder}/adapter`);
    const wide = { ...SMALL, width: 60, depth: 3 };
    await assert.rejects(
      importRun({
        ...request,
        adapter,
        backbone: scratchBackbone("wide", wide, 0),
      }),
      {
        name: "TypeError",
        message:
          /got \d+ wrong tensors \(missing adapter\.blocks\.2.*\[48, 8\] instead of \[60, 8\]/,
      },
    );
    await assert.rejects(
      importRun({ ...request, adapter, backbone, classes: ["a", "b"] }),
      {
        name: "RangeError",
        message: /got 2 class names, wanted 3 for its classifier/,
      },
    );
    await Deno.remove(`${folder}/adapter/config.json`);
    const nameless = await readAdapter(`${folder}/adapter`);
    await assert.rejects(
      importRun({ ...request, adapter: nameless, backbone }),
      { message: /got no class names, wanted 3/ },
    );
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  }));

Deno.test("importRun() refuses another backbone than an adapter names", () =>
  inFolder(async (folder) => {
    const backbone = await smallBackbone(folder);
    const run = await randomRun(`${folder}/run`, backbone, "alore");
    const own = { config: run.config, file: await run.readAdapterFile() };
    const files = adapterFormats.get("alore")!.encode(own);
    await writeFolder(`${folder}/adapter`, files);
    const request = {
      adapter: await readAdapter(`${folder}/adapter`),
      backbone: scratchBackbone("small", SMALL, 1),
      source: "scratch:small",
      seed: 1,
      path: `${folder}/imported`,
    };
    await assert.rejects(importRun(request), {
      name: "RangeError",
      message: /got an adapter for another backbone, wanted one for small/,
    });
  }));
