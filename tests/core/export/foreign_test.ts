import assert from "node:assert/strict";
import { formats } from "../../../core/export/formats.ts";
import { writeFolder } from "../../../core/export/write_folder.ts";
import { readBackbone } from "../../../core/models/backbone.ts";
import { RandomStream } from "../../../core/rng.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import {
  architectureCases,
  randomTensors,
} from "../../support/architectures.ts";
import { assertClose } from "../../support/assert_close.ts";
import { inFolder } from "../../support/folder.ts";
import { runForeign } from "../../support/foreign.ts";
import { logitsOf } from "../../support/logits.ts";
import { python } from "../../support/python.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import { exportCase, toBatch } from "./export_case.ts";

const { model, split, logits } = await exportCase();
const { imageSize, channels } = model.config;

async function exported(
  format: string,
  dtype: "F32" | "F16",
  work: (folder: string, images: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const files = formats.get(format)!.encode(model, dtype);
    await writeFolder(`${folder}/model`, files);
    const pixels = toBatch(split, model);
    await Deno.writeFile(`${folder}/images.f32`, new Uint8Array(pixels.buffer));
    await Deno.writeFile(`${folder}/images.u8`, split.images);
    await work(`${folder}/model`, `${folder}/images`);
  });
}

function assertSameTop1(actual: number[]): void {
  const top = (row: ArrayLike<number>) =>
    Array.from(row).indexOf(Math.max(...Array.from(row)));
  const { classes } = model.config;
  for (let i = 0; i < split.count; i++) {
    const [from, to] = [i * classes, (i + 1) * classes];
    assert.equal(top(actual.slice(from, to)), top(logits.subarray(from, to)));
  }
}

for (const dtype of ["F32", "F16"] as const) {
  Deno.test(`onnxruntime gives the logits of a ${dtype} ONNX export`, () =>
    exported("onnx", dtype, async (folder, images) => {
      const { together, alone } = await runForeign(
        "onnxruntime.ts",
        `${folder}/model.onnx`,
        `${images}.f32`,
        `${channels}`,
        `${imageSize}`,
      ) as { together: number[]; alone: number[] };
      for (const actual of [together, alone]) {
        assertClose(actual, logits, TOLERANCE.foreign, "logits");
        assertSameTop1(actual);
      }
    }));
}

Deno.test("transformers.js gives the logits of a Hugging Face export", () =>
  exported("hf", "F32", async (folder, images) => {
    const { logits: actual, id2label } = await runForeign(
      "transformers.ts",
      folder,
      `${images}.u8`,
      `${imageSize}`,
    ) as { logits: number[]; id2label: Record<string, string> };
    assertClose(actual, logits, TOLERANCE.foreign, "logits");
    assertSameTop1(actual);
    assert.deepEqual(Object.values(id2label), model.classes);
  }));

for (const name of ["Swin", "ConvNeXt", "ConvNeXt with odd maps"]) {
  Deno.test(`transformers.js gives the logits of a Hugging Face export: ${name}`, () =>
    inFolder(async (folder) => {
      const config = architectureCases.get(name)!;
      const other = {
        ...model,
        config,
        tensors: randomTensors(config),
        classes: ["a", "b", "c", "d", "e"],
        resize: undefined,
      };
      const random = new RandomStream(2, "bytes");
      const side = config.imageSize;
      const bytes = Uint8Array.from(
        { length: 4 * side * side * 3 },
        () => random.below(256),
      );
      const few = { images: bytes, labels: new Int32Array(4), count: 4 };
      const engine = await openCpuEngine({ threads: 1, blas: "off" });
      const pixels = toBatch(few, other);
      const wanted = await logitsOf(engine, other, pixels);
      engine.close();
      await writeFolder(
        `${folder}/model`,
        formats.get("hf")!.encode(other, "F32"),
      );
      await Deno.writeFile(`${folder}/images.u8`, bytes);
      const { logits: actual } = await runForeign(
        "transformers.ts",
        `${folder}/model`,
        `${folder}/images.u8`,
        `${side}`,
      ) as { logits: number[] };
      assertClose(actual, wanted, TOLERANCE.foreign, name);
      const again = await readBackbone(`${folder}/model`);
      assert.match(again.family, /^Hugging Face (Swin|ConvNeXt)$/);
      assert.deepEqual(again.config, config);
      assert.deepEqual([...again.tensors], [...other.tensors]);
    }));
}

Deno.test({
  name: "torchvision gives the logits of a timm export",
  ignore: !python,
  fn: () =>
    exported("timm", "F32", async (folder, images) => {
      await Deno.rename(`${images}.f32`, `${folder}.f32`);
      const [actual] = await runForeign("timm_layout.py", folder) as number[][];
      assertClose(actual, logits, TOLERANCE.foreign, "logits");
      assertSameTop1(actual);
    }),
});
