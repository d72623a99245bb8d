import { methods } from "../../core/methods/mod.ts";
import type { Backbone } from "../../core/models/backbone.ts";
import { buildModel } from "../../core/models/build_model.ts";
import type { AdaptedModel } from "../../core/models/adapted_model.ts";
import { defaultSettings } from "../../core/train/settings.ts";
import { noAugment } from "../../core/data/augment.ts";
import { openStepper } from "../../core/train/stepper.ts";
import type { Engine } from "../../kernels/engine.ts";
import { measureGemmRate } from "../../kernels/gemm_rate.ts";
import { backboneFlag, openBackbone } from "../backbone.ts";
import {
  chooseMethods,
  type ChosenMethod,
  printRefused,
} from "../chosen_methods.ts";
import type { CliCommand } from "../command.ts";
import { precisionOf, withDevice } from "../device.ts";
import { deviceFlags, methodFlags, precisionFlag, seedFlag } from "../flags.ts";
import { count } from "../format.ts";
import type { Input } from "../input.ts";
import {
  measure,
  measureInference,
  randomBatch,
  type Speed,
} from "../measure.ts";
import type { Output } from "../output.ts";
import { profileLines, profileModel } from "../profile.ts";
import { table } from "../table.ts";
import { UsageError } from "../usage_error.ts";
import { tune } from "../tune.ts";

/** Measures inference and training steps. */
export const bench: CliCommand = {
  name: "bench",
  summary: "images a second of inference and of training steps",
  examples: [
    "bench",
    "bench --backbone scratch:vit-s16 --batch-size 8 --method alore",
    "bench --backbone scratch:vit-t4-32 --method alore --profile",
    "bench --backbone scratch:vit-s16 --method alore --batch-size 32 --tune",
  ],
  flags: [
    backboneFlag,
    {
      name: "method",
      kind: "text",
      placeholder: "NAME",
      choices: [...methods.keys()],
      defaultText: "all",
      group: "Method",
      help: `one method only: ${[...methods.keys()].join(", ")}`,
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
    {
      name: "profile",
      kind: "boolean",
      help: "time, operations and bytes of each op instead; with --verbose " +
        "of each shape",
    },
    {
      name: "tune",
      kind: "boolean",
      help:
        "find the fastest matrix products on this WebGPU adapter instead, " +
        "and keep them for later runs",
    },
    seedFlag,
    ...deviceFlags,
    precisionFlag,
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
  if (input.on("tune")) return await tuneMethods(input, output);
  return await withDevice(input, output, async (engine, device) => {
    const source = input.text("backbone");
    const backbone = await openBackbone(source, input.number("seed"));
    const classes = input.number("classes");
    const config = { ...backbone.config, classes };
    const { chosen, refused } = chooseMethods(input, config);
    const batch = input.number("batch-size");
    output.print(`${source} · ${device} · batches of ${batch}`);
    output.print();
    if (input.on("profile")) {
      const methods = await profile(engine, backbone, chosen, input, output);
      printRefused(refused, output);
      return {
        backbone: source,
        device,
        batchSize: batch,
        ...methods,
        refused,
      };
    }
    const rows: Row[] = [];
    for (const one of chosen) {
      rows.push(await measureMethod(engine, backbone, one, input));
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
    printRefused(refused, output);
    output.print();
    output.print(
      `Medians of ${input.number("repeats")}, 10th to 90th percentile in ` +
        "brackets; inference is unmerged.",
    );
    return {
      backbone: source,
      device,
      batchSize: batch,
      methods: rows,
      refused,
    };
  }, precisionOf(input));
}

async function tuneMethods(input: Input, output: Output): Promise<unknown> {
  if (precisionOf(input) === "f16") {
    throw new UsageError(
      "Cannot tune: got --precision f16, wanted f32, whose table f16 uses too",
    );
  }
  const source = input.text("backbone");
  const backbone = await openBackbone(source, input.number("seed"));
  const classes = input.number("classes");
  const { chosen } = chooseMethods(input, { ...backbone.config, classes });
  return await tune(input, output, function* (engine) {
    for (const one of chosen) yield openModel(engine, backbone, one, input);
  });
}

async function profile(
  engine: Engine,
  backbone: Backbone,
  chosen: readonly ChosenMethod[],
  input: Input,
  output: Output,
) {
  const batch = input.number("batch-size");
  const repeats = input.number("repeats");
  const { best: gemmRate } = await measureGemmRate(engine);
  output.print(`A large matrix product (GEMM): ${gemmRate.toFixed(1)} GFLOP/s`);
  const methods: Record<string, unknown>[] = [];
  for (const one of chosen) {
    const { method } = one;
    using model = openModel(engine, backbone, one, input);
    const found = await profileModel(model, { batch, repeats });
    const title = output.bold(method.name);
    const view = { title, batch, gemmRate, shapes: output.verbose };
    for (const part of [found.inference, found.training]) {
      output.print();
      profileLines(part, view).forEach((line) => output.print(line));
    }
    methods.push({ method: method.name, ...found });
  }
  output.print();
  output.print(
    `The least of ${repeats} runs, call by call. Bytes are operands and ` +
      "results, each once; waiting is threads for each other.",
  );
  return { gemmRate, methods };
}

function openModel(
  engine: Engine,
  backbone: Backbone,
  { method, options }: ChosenMethod,
  input: Input,
): AdaptedModel {
  return buildModel({
    engine,
    backbone,
    method,
    options,
    classes: input.number("classes"),
    seed: input.number("seed"),
  });
}

async function measureMethod(
  engine: Engine,
  backbone: Backbone,
  one: ChosenMethod,
  input: Input,
): Promise<Row> {
  using model = openModel(engine, backbone, one, input);
  const batch = input.number("batch-size");
  const repeats = input.number("repeats");
  const inference = await measureInference(model, { batch, repeats });
  const training = await measureTraining(model, batch, repeats);
  return {
    method: one.method.name,
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
