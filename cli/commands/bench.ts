import { findMethod, methods, resolveOptions } from "../../core/methods/mod.ts";
import type { Method } from "../../core/methods/method.ts";
import type { Backbone } from "../../core/models/backbone.ts";
import { buildModel } from "../../core/models/build_model.ts";
import type { AdaptedModel } from "../../core/models/adapted_model.ts";
import { modelShape } from "../../core/models/architectures.ts";
import { defaultSettings } from "../../core/train/settings.ts";
import { noAugment } from "../../core/data/augment.ts";
import { openStepper } from "../../core/train/stepper.ts";
import type { Engine } from "../../kernels/engine.ts";
import { backboneFlag, openBackbone } from "../backbone.ts";
import type { CliCommand } from "../command.ts";
import { withDevice } from "../device.ts";
import { deviceFlags, methodFlags, seedFlag } from "../flags.ts";
import { count } from "../format.ts";
import type { Input } from "../input.ts";
import { givenOptions, typedOptions } from "../method_options.ts";
import {
  measure,
  measureInference,
  randomBatch,
  type Speed,
} from "../measure.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";

/** Measures inference and training steps. */
export const bench: CliCommand = {
  name: "bench",
  summary: "images a second of inference and of training steps",
  examples: [
    "bench",
    "bench --backbone scratch:vit-s16 --batch-size 8 --method alore",
  ],
  flags: [
    backboneFlag,
    {
      name: "method",
      kind: "text",
      choices: [...methods.keys()],
      defaultText: "all",
      group: "Method",
      help: "one method only",
    },
    ...methodFlags(methods.values()),
    {
      name: "batch-size",
      kind: "integer",
      default: 64,
      minimum: 1,
      help: "images a step",
    },
    {
      name: "repeats",
      kind: "integer",
      default: 15,
      minimum: 3,
      help: "measured runs of each",
    },
    {
      name: "classes",
      kind: "integer",
      default: 10,
      minimum: 1,
      help: "classes of the head",
    },
    seedFlag,
    ...deviceFlags,
  ],
  run,
};

interface Row {
  readonly method: string;
  readonly trainable: number;
  readonly inference: Speed;
  readonly training: Speed;
  /** Of the training step, beside weights and optimizer. */
  readonly arenaBytes: number;
}

async function run(input: Input, output: Output): Promise<unknown> {
  const only = input.textOr("method");
  const chosen = only === undefined
    ? [...methods.values()]
    : [findMethod(only)];
  return await withDevice(input, output, async (engine, device) => {
    const source = input.text("backbone");
    const backbone = await openBackbone(source, input.number("seed"));
    const batch = input.number("batch-size");
    output.print(`${source} · ${device} · batches of ${batch}`);
    output.print();
    const rows: Row[] = [];
    for (const method of chosen) {
      rows.push(await measureMethod(engine, backbone, method, input));
    }
    const cell = ({ median, p10, p90 }: Speed) =>
      `${count(Math.round(median))} (${count(Math.round(p10))}–${
        count(Math.round(p90))
      })`;
    table(
      [
        { title: "method" },
        { title: "trainable", align: "right" },
        { title: "inference img/s", align: "right" },
        { title: "training img/s", align: "right" },
      ],
      rows.map((row) => [
        row.method,
        count(row.trainable),
        cell(row.inference),
        cell(row.training),
      ]),
    ).forEach((line) => output.print(line));
    output.print();
    output.print(
      `Medians of ${input.number("repeats")}, 10th to 90th percentile in ` +
        "brackets; inference is unmerged.",
    );
    return { backbone: source, device, batchSize: batch, methods: rows };
  });
}

async function measureMethod(
  engine: Engine,
  backbone: Backbone,
  method: Method,
  input: Input,
): Promise<Row> {
  const given = input.given("method")
    ? givenOptions(input, method)
    : typedOptions(input, method);
  using model = buildModel({
    engine,
    backbone,
    method,
    options: resolveOptions(method, given, modelShape(backbone.config)),
    classes: input.number("classes"),
    seed: input.number("seed"),
  });
  const batch = input.number("batch-size");
  const repeats = input.number("repeats");
  const inference = await measureInference(model, { batch, repeats });
  const training = await measureTraining(model, batch, repeats);
  return {
    method: method.name,
    trainable: model.trainableCount,
    inference,
    ...training,
  };
}

async function measureTraining(
  model: AdaptedModel,
  batch: number,
  repeats: number,
): Promise<Pick<Row, "training" | "arenaBytes">> {
  const settings = {
    ...defaultSettings,
    augment: noAugment,
    batchSize: batch,
  };
  const stepper = await openStepper(model, settings, 1);
  const images = randomBatch(model, batch);
  let step = 0;
  try {
    const training = await measure(() => stepper.run(images, step++), {
      batch,
      repeats,
      inFlight: stepper.depth,
    });
    return { training, arenaBytes: stepper.arenaBytes };
  } finally {
    stepper.close();
  }
}
