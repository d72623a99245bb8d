import assert from "node:assert/strict";
import { formats } from "../../../core/export/formats.ts";
import { verifyExport } from "../../../core/export/verify_export.ts";
import { writeFolder } from "../../../core/export/write_folder.ts";
import { inFolder } from "../../support/folder.ts";
import { exportCase } from "./export_case.ts";

const { model, split, logits } = await exportCase();

for (
  const [name, dtype, wanted] of [
    ["timm", "F32", ["model.safetensors"]],
    ["timm", "F16", ["model.safetensors"]],
    ["hf", "F32", ["model.safetensors", "onnx/model.onnx"]],
  ] as const
) {
  Deno.test(`verifyExport() opens what a ${dtype} ${name} export wrote`, () =>
    inFolder(async (folder) => {
      const files = formats.get(name)!.encode(model, dtype);
      await writeFolder(`${folder}/out`, files);
      const check = { model, dtype, split, logits };
      const found = await verifyExport(`${folder}/out`, files.keys(), check);
      assert.deepEqual(found.map(({ file }) => file), wanted);
      for (const { agreement, images, largestDifference } of found) {
        assert.equal(images, split.count);
        assert.equal(agreement, split.count);
        assert.ok(largestDifference > 0);
      }
    }));
}

Deno.test("verifyExport() finds weights and preprocessing that came out wrong", () =>
  inFolder(async (folder) => {
    const timm = formats.get("timm")!;
    const check = { model, dtype: "F32", split, logits } as const;
    const bias = new Map(model.tensors)
      .set("head.bias", model.tensors.get("head.bias")!.map((v, i) => v + i));
    const faults = {
      bias: { ...model, tensors: bias },
      pixels: {
        ...model,
        preprocess: { ...model.preprocess, mean: [0, 0, 0] },
      },
    } as const;
    for (const [name, wrong] of Object.entries(faults)) {
      const path = `${folder}/${name}`;
      const files = timm.encode(wrong, "F32");
      const write = writeFolder(path, files, async (written) => {
        await verifyExport(written, files.keys(), check);
      });
      await assert.rejects(write, {
        name: "RangeError",
        message:
          /^Cannot export the model: got logits of model\.safetensors that differ by .* of the largest, wanted at most 0\.0001$/,
      });
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));
