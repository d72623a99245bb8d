import assert from "node:assert/strict";
import {
  readBackbone,
  scratchBackbone,
  writeBackbone,
} from "../../core/models/backbone.ts";
import { alore } from "../support/alore.ts";
import { architectureCases, randomTensors } from "../support/architectures.ts";
import { randomRun } from "../core/export/adapter_case.ts";
import { inFolder } from "../support/folder.ts";
import { plainImage } from "../support/image.ts";

for (const name of ["Swin", "ConvNeXt", "ViT with registers"]) {
  Deno.test(`alore predict takes a merged file: ${name}`, () =>
    inFolder(async (folder) => {
      const config = architectureCases.get(name)!;
      const { preprocess } = scratchBackbone(name, config, 0);
      const tensors = randomTensors(config);
      const metadata = { classes: JSON.stringify(["a", "b", "c", "d", "e"]) };
      const backbone = { config, preprocess, tensors };
      await writeBackbone(`${folder}/m.safetensors`, backbone, { metadata });
      const image = await plainImage([200, 30, 30], 32, 32);
      await Deno.writeFile(`${folder}/red.png`, image);
      const { code, stdout, stderr } = await alore(
        folder,
        ...["predict", "--model=m.safetensors", "red.png", "--json"],
        ...["--device=cpu", "--threads=1", "--top=5"],
      );
      assert.equal(code, 0, stderr);
      const [{ guesses }] = JSON.parse(stdout).images;
      const found = guesses.map((guess: { class: string }) => guess.class);
      assert.deepEqual(found.sort(), ["a", "b", "c", "d", "e"]);
    }));
}

Deno.test("alore merge opens a run of Swin, and its other layouts have it", () =>
  inFolder(async (folder) => {
    const config = architectureCases.get("Swin")!;
    const { preprocess } = scratchBackbone("Swin", config, 0);
    const path = `${folder}/small.safetensors`;
    const tensors = randomTensors(config);
    await writeBackbone(path, { config, preprocess, tensors });
    const backbone = await readBackbone(path);
    await randomRun(`${folder}/run`, backbone, "alore");
    const merge = (...words: string[]) =>
      alore(
        folder,
        ...["merge", "--run=run", "--device=cpu", "--threads=1", ...words],
      );
    const onnx = await merge("--format=onnx", "--verify", "--out=onnx");
    assert.equal(onnx.code, 0, onnx.stderr);
    const agreements = onnx.stdout.match(
      /^Agreement +same top-1 on 128 of 128/gm,
    );
    assert.equal(agreements?.length, 2, onnx.stdout);
    const timm = await merge("--format=timm", "--verify", "--out=timm");
    assert.equal(timm.code, 0, timm.stderr);
    assert.match(
      timm.stdout,
      /^model\.safetensors, read back, by onnxruntime:\nDifference +\S+ at most between logits\nAgreement +same top-1 on 128 of 128/m,
    );
    for (const name of ["onnx", "timm"]) {
      const refused = await alore(
        folder,
        "predict",
        `--model=${name}`,
        "a.png",
      );
      assert.equal(refused.code, 1);
      assert.match(
        refused.stderr,
        /got a folder for other programs, wanted a run's folder or a file that merge wrote\nhint: +merge --out FILE\.safetensors, without --format/,
      );
    }
    const hf = await merge("--format=hf", "--verify", "--out=hf");
    assert.equal(hf.code, 0, hf.stderr);
    const both = hf.stdout.match(/^Agreement +same top-1 on 128 of 128/gm);
    assert.equal(both?.length, 3, hf.stdout);
  }));
