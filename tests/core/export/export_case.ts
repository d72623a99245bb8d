/** The shipped backbone and real images, as exports are tested on. */

import { readDataset, type Split } from "../../../core/data/dataset.ts";
import type { ExportedModel } from "../../../core/export/exported_model.ts";
import { plainModel } from "../../../cli/model.ts";
import { readBackbone } from "../../../core/models/backbone.ts";
import { Evaluator } from "../../../core/train/evaluate.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";

const COUNT = 32;

/** A model, real images, and our logits of them. */
export async function exportCase(): Promise<
  { model: ExportedModel; split: Split; logits: Float32Array }
> {
  const backbone = await readBackbone("assets/vit_t8_32.safetensors");
  const data = await readDataset("assets/digits_1k.safetensors");
  const { images, labels } = data.splits.get("test")!;
  const bytes = COUNT * data.imageSize ** 2 * 3;
  const split = {
    images: images.slice(0, bytes),
    labels: labels.slice(0, COUNT),
    count: COUNT,
  };
  const engine = await openCpuEngine({ threads: 1, blas: "off" });
  using model = plainModel(engine, backbone);
  const { preprocess, config } = backbone;
  const evaluator = await Evaluator.open(model, { preprocess });
  const zeros = { ...split, labels: new Int32Array(COUNT) };
  const { logits } = await evaluator.evaluate(zeros);
  const tensors = await model.read(model.slots.keys());
  evaluator.close();
  engine.close();
  const classes = JSON.parse(backbone.metadata.classes) as string[];
  const resize = data.description.resize;
  const provenance = { backbone: "vit-t8-32" };
  const exported = { config, preprocess, tensors, classes, resize, provenance };
  return { model: exported, split, logits };
}

/** Normalised pixels, (count, 3, size, size). */
export function toBatch(
  { images, count }: Split,
  { preprocess: { mean, std } }: Pick<ExportedModel, "preprocess">,
): Float32Array<ArrayBuffer> {
  const pixels = images.length / count / 3;
  return Float32Array.from({ length: images.length }, (_, i) => {
    const image = Math.floor(i / (3 * pixels));
    const channel = Math.floor(i / pixels) % 3;
    const value = images[(image * pixels + i % pixels) * 3 + channel];
    return (value / 255 - mean[channel]) / std[channel];
  });
}
