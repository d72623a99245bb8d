/**
 * From another program's weights to other programs' predictions.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readDataset, type Split } from "../../core/data/dataset.ts";
import { encodePng } from "../../core/data/encode_png.ts";
import { findMethod } from "../../core/methods/mod.ts";
import { readBackbone } from "../../core/models/backbone.ts";
import { buildModel } from "../../core/models/build_model.ts";
import { Evaluator } from "../../core/train/evaluate.ts";
import { RunDirectory } from "../../core/train/run_directory.ts";
import { openCpuEngine } from "../../kernels/cpu/engine.ts";
import { toBatch } from "../core/export/export_case.ts";
import { alore } from "../support/alore.ts";
import { assertClose } from "../support/assert_close.ts";
import { inFolder } from "../support/folder.ts";
import { runForeign } from "../support/foreign.ts";
import { TOLERANCE } from "../support/tolerance.ts";
import { python, runPython } from "../support/python.ts";

const CLASSES = 3;
const PER_CLASS = 40;

/** Folders of handwritten digits, one for each class. */
async function writeDigits(folder: string): Promise<void> {
  const data = await readDataset("assets/digits_1k.safetensors");
  const { images, labels, count } = data.splits.get("train")!;
  const size = data.imageSize;
  const bytes = size ** 2 * 3;
  const written = new Array(CLASSES).fill(0);
  for (let i = 0; i < count; i++) {
    const label = labels[i];
    if (label >= CLASSES || written[label] === PER_CLASS) continue;
    const path = `${folder}/digits/${label}`;
    await Deno.mkdir(path, { recursive: true });
    const pixels = images.slice(i * bytes, (i + 1) * bytes);
    const image = encodePng({ width: size, height: size, data: pixels });
    await Deno.writeFile(`${path}/${written[label]++}.png`, image);
  }
  assert.deepEqual(written, new Array(CLASSES).fill(PER_CLASS));
}

/** Test images of a run, and what its model says of them, unfolded. */
async function predicted(folder: string) {
  const run = await RunDirectory.open(`${folder}/run`);
  const { method, options, classes, preprocess } = run.config;
  const data = await readDataset(`${folder}/digits.safetensors`);
  const split = data.splits.get("test")!;
  const engine = await openCpuEngine({ threads: 1, blas: "off" });
  using model = buildModel({
    engine,
    backbone: await readBackbone(`${folder}/vit.safetensors`),
    method: findMethod(method),
    options,
    classes: classes.length,
    seed: 0,
    trained: await run.readAdapter(),
  });
  const evaluator = await Evaluator.open(model, { preprocess });
  const { logits, top1 } = await evaluator.evaluate(split);
  evaluator.close();
  engine.close();
  return { split, logits, top1, preprocess };
}

function topOf(logits: ArrayLike<number>): number[] {
  const all = Array.from(logits);
  return Array.from({ length: all.length / CLASSES }, (_, i) => {
    const row = all.slice(i * CLASSES, (i + 1) * CLASSES);
    return row.indexOf(Math.max(...row));
  });
}

/** What three programs that are not ours say of the exports. */
async function foreignLogits(
  folder: string,
  split: Split,
): Promise<Record<string, number[]>> {
  await Deno.writeFile(`${folder}/images.u8`, split.images);
  const [timm] = await runForeign(
    "timm_layout.py",
    `${folder}/timm`,
  ) as number[][];
  const hf = await runForeign(
    "transformers.ts",
    `${folder}/hf`,
    `${folder}/images.u8`,
    "32",
  ) as { logits: number[]; id2label: Record<string, string> };
  assert.deepEqual(Object.values(hf.id2label), ["0", "1", "2"]);
  const onnx = await runForeign(
    "onnxruntime.ts",
    `${folder}/onnx/model.onnx`,
    `${folder}/timm.f32`,
    "3",
    "32",
  ) as { together: number[] };
  return { timm, hf: hf.logits, onnx: onnx.together };
}

Deno.test({
  name: "torchvision's weights come back to three programs as the same model",
  ignore: !python,
  fn: () =>
    inFolder(async (folder) => {
      const good = async (...words: string[]) => {
        const { code, stdout, stderr } = await alore(folder, ...words);
        assert.equal(code, 0, stderr);
        return stdout;
      };
      await runPython(
        "fixtures/make/make_small_vit.py",
        `${folder}/vit.safetensors`,
      );
      await writeDigits(folder);
      await good(
        ...["data", "prepare", "folder", "digits", "--filter=bilinear"],
        ...["--size=32", "--out=digits.safetensors"],
      );
      await good(
        ...["train", "--data=digits.safetensors", "--out=run", "--epochs=10"],
        ...["--backbone=vit.safetensors", "--device=cpu", "--lr=0.02"],
        ...["--crop-pct=1"],
      );
      for (const format of ["timm", "hf", "onnx"]) {
        const text = await good(
          ...["merge", "--run=run", `--format=${format}`, `--out=${format}`],
          ...["--device=cpu", "--verify"],
        );
        const agreements = text.match(/^Agreement +same top-1 on 24 of 24/gm);
        const comparisons = format === "hf" ? 3 : 2;
        assert.equal(agreements?.length, comparisons, text);
        const differences = [
          ...text.matchAll(/^Difference +(\S+) at most between logits$/gm),
        ];
        assert.equal(differences.length, comparisons, text);
        for (const [line, largest] of differences) {
          assert.ok(Number(largest) < 1e-4, line);
        }
      }
      const { split, logits, top1, preprocess } = await predicted(folder);
      assert.ok(top1 > 0.6, `${top1}`);
      const pixels = toBatch(split, { preprocess });
      const bytes = new Uint8Array(pixels.buffer);
      await Deno.writeFile(`${folder}/timm.f32`, bytes);
      const found = await foreignLogits(folder, split);
      for (const [program, theirs] of Object.entries(found)) {
        assertClose(theirs, logits, TOLERANCE.foreign, program);
        assert.deepEqual(topOf(theirs), topOf(logits), program);
      }
    }),
});
