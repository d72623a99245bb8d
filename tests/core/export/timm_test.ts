import assert from "node:assert/strict";
import type { ExportedModel } from "../../../core/export/exported_model.ts";
import { timm } from "../../../core/export/timm.ts";
import { writeFolder } from "../../../core/export/write_folder.ts";
import type { ModelConfig } from "../../../core/models/architectures.ts";
import { readBackbone } from "../../../core/models/backbone.ts";
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
import { python } from "../../support/python.ts";
import { logitsOf } from "../../support/logits.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

function exportedModel(config: ModelConfig): ExportedModel {
  return {
    config,
    tensors: randomTensors(config),
    preprocess: HALF,
    classes: ["a", "b", "c", "d", "e"],
    provenance: {},
  };
}

/** torchvision has no windows larger than the map, and fills up otherwise. */
function torchvisionHas(config: ModelConfig): boolean {
  if (config.architecture !== "swin") return true;
  return config.imageSize % 16 === 0 && config.depths.length < 3;
}

Deno.test({
  name: "torchvision gives the logits of timm exports",
  ignore: !python,
  fn: (test) =>
    inFolder(async (folder) => {
      const cases = [...architectureCases]
        .filter(([, config]) => torchvisionHas(config));
      const engine = await openCpuEngine({ threads: 1, blas: "off" });
      const wanted: Float32Array[] = [];
      for (const [i, [, config]] of cases.entries()) {
        const model = exportedModel(config);
        const images = randomImages(config, 2);
        wanted.push(await logitsOf(engine, model, images));
        await writeFolder(`${folder}/${i}`, timm.encode(model, "F32"));
        const bytes = new Uint8Array(images.buffer);
        await Deno.writeFile(`${folder}/${i}.f32`, bytes);
        const again = await readBackbone(`${folder}/${i}`);
        const found = await logitsOf(engine, again, images);
        assertClose(found, wanted[i], TOLERANCE.foreign, "logits read again");
      }
      engine.close();
      const folders = cases.map((_, i) => `${folder}/${i}`);
      const found = await runForeign("timm_layout.py", ...folders);
      for (const [i, [name]] of cases.entries()) {
        await test.step(name, () => {
          const actual = (found as number[][])[i];
          assertClose(actual, wanted[i], TOLERANCE.foreign, "logits");
        });
      }
    }),
});

function configOf(config: ModelConfig): Record<string, unknown> {
  const bytes = timm.encode(exportedModel(config), "F32").get("config.json");
  return JSON.parse(new TextDecoder().decode(bytes));
}

Deno.test("a timm export names the entry that makes the model", () => {
  const entries = [...architectureCases].map(([name, config]) => [
    name,
    configOf(config).architecture,
  ]);
  assert.deepEqual(Object.fromEntries(entries), {
    "ViT": "vit_base_patch16_224",
    "ViT with registers": "vit_base_patch16_224",
    "ViT with registers and a norm in front": "vit_base_patch16_clip_224",
    "image tower of CLIP": "vit_base_patch16_clip_quickgelu_224",
    "Swin": "swin_tiny_patch4_window7_224",
    "Swin with a map below a window": "swin_tiny_patch4_window7_224",
    "Swin with filled up windows": "swin_tiny_patch4_window7_224",
    "ConvNeXt": "convnext_tiny",
    "ConvNeXt with odd maps": "convnext_tiny",
  });
  const swin = configOf(architectureCases.get("Swin")!);
  const { ["model_args"]: sizes, ["pretrained_cfg"]: cfg } = swin;
  assert.deepEqual(sizes, {
    ["img_size"]: 32,
    ["patch_size"]: 4,
    ["in_chans"]: 3,
    ["embed_dim"]: 24,
    depths: [2, 2],
    ["num_heads"]: [3, 6],
    ["window_size"]: 4,
    ["mlp_ratio"]: 2,
  });
  assert.equal((cfg as Record<string, unknown>).classifier, "head.fc");
});

Deno.test("a timm export refuses layer norms that timm does not have", () => {
  const vit = architectureCases.get("ViT")!;
  assert.throws(() => configOf({ ...vit, eps: 1e-3 }), {
    name: "RangeError",
    message: "Cannot export the model as timm: got layer norms with eps " +
      "0.001, wanted at most 0.00001, which timm's have",
  });
});
