import assert from "node:assert/strict";
import type { ExportedModel } from "../../../core/export/exported_model.ts";
import { encodeOnnx } from "../../../core/export/onnx.ts";
import { HALF } from "../../../core/models/preprocess.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import {
  architectureCases,
  randomImages,
  randomTensors,
} from "../../support/architectures.ts";
import { assertClose } from "../../support/assert_close.ts";
import { inFolder } from "../../support/folder.ts";
import { runForeign } from "../../support/foreign.ts";
import { logitsOf } from "../../support/logits.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

const IMAGES = 3;

for (const [name, config] of architectureCases) {
  Deno.test(`onnxruntime gives the logits of an ONNX export: ${name}`, () =>
    inFolder(async (folder) => {
      const tensors = randomTensors(config);
      const images = randomImages(config, IMAGES);
      const engine = await openCpuEngine({ threads: 1, blas: "off" });
      const wanted = await logitsOf(engine, { config, tensors }, images);
      engine.close();
      const model: ExportedModel = {
        config,
        tensors,
        preprocess: HALF,
        classes: ["a", "b", "c", "d", "e"],
        provenance: {},
      };
      await Deno.writeFile(`${folder}/model.onnx`, encodeOnnx(model, "F32"));
      const bytes = new Uint8Array(images.buffer);
      await Deno.writeFile(`${folder}/images.f32`, bytes);
      const { together, alone } = await runForeign(
        "onnxruntime.ts",
        `${folder}/model.onnx`,
        `${folder}/images.f32`,
        `${config.channels}`,
        `${config.imageSize}`,
      ) as { together: number[]; alone: number[] };
      assert.ok(Math.max(...wanted.map(Math.abs)) > 0.1);
      assertClose(together, wanted, TOLERANCE.foreign, "logits");
      assertClose(alone, wanted, TOLERANCE.foreign, "logits of one image");
    }));
}
