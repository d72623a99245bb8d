import assert from "node:assert/strict";
import { noAugment } from "../../../core/data/augment.ts";
import { findMethod, resolveOptions } from "../../../core/methods/mod.ts";
import { HALF } from "../../../core/models/preprocess.ts";
import { buildModel } from "../../../core/models/build_model.ts";
import {
  shareBackbone,
  type SharedBackbone,
} from "../../../core/models/shared_backbone.ts";
import { openAdapter } from "../../../core/train/open_adapter.ts";
import { RunDirectory } from "../../../core/train/run_directory.ts";
import { settingsFor } from "../../../core/train/settings.ts";
import { train } from "../../../core/train/trainer.ts";
import { scratchBackbone } from "../../../core/models/backbone.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import { inFolder } from "../../support/folder.ts";
import { tinyBackbone, tinyConfig, tinyDataset } from "../../support/tiny.ts";

/** Trains a method for an epoch; its adapter's path and its own test logits. */
async function trained(
  shared: SharedBackbone,
  folder: string,
  name: string,
): Promise<string> {
  const { engine, backbone } = shared;
  const method = findMethod(name);
  const options = resolveOptions(method, {});
  const [dataset, settings] = [tinyDataset(), {
    ...settingsFor(method),
    epochs: 1,
  }];
  const run = await RunDirectory.create(`${folder}/${name}`, {
    format: "alore-run",
    version: 1,
    alore: "0.0.0",
    method: name,
    options,
    settings: { ...settings, augment: noAugment },
    model: tinyConfig,
    preprocess: HALF,
    backbone: { source: "tiny", hash: backbone.hash },
    data: {
      source: "tiny",
      hash: "tiny",
      name: "tiny",
      resize: dataset.description.resize,
    },
    classes: dataset.classes,
    engine: engine.description,
  });
  using model = buildModel({
    engine,
    backbone,
    shared,
    method,
    options,
    classes: dataset.classes.length,
    seed: 5,
  });
  await train({ model, dataset, preprocess: HALF, settings, run });
  return run.adapterPath();
}

Deno.test("openAdapter() switches between adapters over one backbone", () =>
  inFolder(async (folder) => {
    const engine = await openCpuEngine({ threads: 1 });
    try {
      using shared = shareBackbone(engine, tinyBackbone());
      const names = ["alore", "full", "lora", "linear"];
      const paths: string[] = [];
      for (const name of names) paths.push(await trained(shared, folder, name));
      const split = tinyDataset().splits.get("test")!;
      const alone: Float32Array[] = [];
      for (const path of paths) {
        using own = shareBackbone(engine, tinyBackbone());
        using adapter = await openAdapter(own, path);
        alone.push((await adapter.evaluate(split)).logits);
      }
      const open = [];
      for (const path of paths) open.push(await openAdapter(shared, path));
      for (const i of [0, 1, 2, 3, 1, 0]) {
        const { logits } = await open[i].evaluate(split);
        assert.deepEqual(logits, alone[i], names[i]);
      }
      assert.notDeepEqual(alone[0], alone[2]);
      for (const adapter of open) adapter.close();
      using other = shareBackbone(
        engine,
        scratchBackbone("other", tinyConfig, 1),
      );
      await assert.rejects(openAdapter(other, paths[0]), {
        name: "RangeError",
        message: /got one for another backbone, wanted one for other$/,
        hint: "it was trained on tiny",
      });
      const state = paths[0].replace("adapter.", "state/state.");
      await assert.rejects(openAdapter(shared, state), {
        name: "TypeError",
        message: /got a file without an adapter's metadata/,
      });
    } finally {
      engine.close();
    }
  }));
