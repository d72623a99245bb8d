import assert from "node:assert/strict";
import { formats } from "../../../core/export/formats.ts";
import { writeFolder } from "../../../core/export/write_folder.ts";
import { assertClose } from "../../support/assert_close.ts";
import { inFolder } from "../../support/folder.ts";
import { runForeign } from "../../support/foreign.ts";
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
