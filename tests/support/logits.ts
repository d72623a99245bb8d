import { findMethod } from "../../core/methods/mod.ts";
import { isHead } from "../../core/methods/method.ts";
import { modelShape } from "../../core/models/architectures.ts";
import type { Backbone } from "../../core/models/backbone.ts";
import { buildModel } from "../../core/models/build_model.ts";
import type { Engine } from "../../kernels/engine.ts";

/**
 * Logits of a backbone with its own head.
 *
 * @param images `[batch, channels, size, size]`, normalised.
 */
export async function logitsOf(
  engine: Engine,
  backbone: Pick<Backbone, "config" | "tensors"> & Partial<Backbone>,
  images: Float32Array<ArrayBuffer>,
): Promise<Float32Array> {
  const { config, tensors } = backbone;
  const shape = modelShape(config);
  const heads = [...tensors.keys()].filter((name) => isHead(shape, name));
  using model = buildModel({
    engine,
    backbone: backbone as Backbone,
    method: findMethod("linear"),
    options: {},
    classes: config.classes,
    seed: 0,
    trained: new Map(heads.map((name) => [name, tensors.get(name)!])),
  });
  const { channels, imageSize } = config;
  const batch = images.length / (channels * imageSize ** 2);
  const program = await engine.compile(model.forwardPlan(batch));
  try {
    return (await program.run({ images })).logits as Float32Array;
  } finally {
    program.close();
  }
}
