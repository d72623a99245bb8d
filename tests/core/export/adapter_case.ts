/** A run with an adapter of random numbers, and its logits. */

import { findMethod, resolveOptions } from "../../../core/methods/mod.ts";
import { isHead, type MethodOptions } from "../../../core/methods/method.ts";
import { modelShape } from "../../../core/models/architectures.ts";
import {
  type Backbone,
  readBackbone,
  scratchBackbone,
  writeBackbone,
} from "../../../core/models/backbone.ts";
import { buildModel } from "../../../core/models/build_model.ts";
import { RandomStream } from "../../../core/rng.ts";
import type { RunConfig } from "../../../core/train/run_config.ts";
import { RunDirectory } from "../../../core/train/run_directory.ts";
import { settingsFor } from "../../../core/train/settings.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import { randomImages } from "../../support/architectures.ts";
import { SMALL } from "../../support/small_run.ts";

export const CLASSES = ["blue", "green", "red"];

/** Normalised images of the size of the small backbone. */
export const images: Float32Array<ArrayBuffer> = randomImages(SMALL, 4);

/** Writes `small.safetensors` and reads it. */
export async function smallBackbone(folder: string): Promise<Backbone> {
  const path = `${folder}/small.safetensors`;
  await writeBackbone(path, scratchBackbone("small", SMALL, 0));
  return await readBackbone(path);
}

/** Makes a run with random numbers where training would have left others. */
export async function randomRun(
  path: string,
  backbone: Backbone,
  name: string,
  options: Record<string, number | string> = {},
): Promise<RunDirectory> {
  const method = findMethod(name);
  const model = { ...backbone.config, classes: CLASSES.length };
  const shape = modelShape(model);
  const config: RunConfig = {
    format: "alore-run",
    version: 1,
    alore: "0",
    method: name,
    options: resolveOptions(method, options, shape),
    settings: settingsFor(method),
    model,
    preprocess: backbone.preprocess,
    backbone: { source: "small.safetensors", hash: backbone.hash },
    data: {
      source: "data.safetensors",
      hash: "",
      name: "data",
      resize: { filter: "bilinear", size: model.imageSize, fit: "crop" },
    },
    classes: CLASSES,
    engine: "",
  };
  const shapes = new Map([
    ...[...shape.tensors].filter(([tensor]) =>
      isHead(shape, tensor) || method.trains(tensor)
    ),
    ...method.tensors(config.options, shape)
      .map((tensor) => [tensor.name, tensor.shape] as const),
  ]);
  const random = new RandomStream(0, "adapter");
  const tensors = new Map(
    [...shapes].map(([tensor, size]) => [
      tensor,
      Float32Array.from(
        { length: size.reduce((a, b) => a * b, 1) },
        () => 0.2 * random.normal(),
      ),
    ]),
  );
  const run = await RunDirectory.create(path, config);
  const slots = [...shapes].map(([tensor, shape]) =>
    [tensor, { shape }] as const
  );
  await run.saveAdapter("last", tensors, new Map(slots), 3);
  return run;
}

/** What a run's model says of {@linkcode images}. */
export async function logitsOfRun(
  run: RunDirectory,
  backbone: Backbone,
): Promise<Float32Array> {
  const { method, options, classes, settings } = run.config;
  const engine = await openCpuEngine({ threads: 1, blas: "off" });
  using model = buildModel({
    engine,
    backbone,
    method: findMethod(method),
    options: options as MethodOptions,
    classes: classes.length,
    seed: settings.seed,
    trained: await run.readAdapter(),
  });
  const program = await engine.compile(model.forwardPlan(4));
  try {
    return (await program.run({ images })).logits as Float32Array;
  } finally {
    program.close();
    engine.close();
  }
}
