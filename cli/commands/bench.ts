import { findMethod, methods, resolveOptions } from "../../core/methods/mod.ts";
import type { Method } from "../../core/methods/method.ts";
import type { Backbone } from "../../core/models/backbone.ts";
import { buildModel } from "../../core/models/build_model.ts";
import type { AdaptedModel } from "../../core/models/adapted_model.ts";
import { vitShape } from "../../core/models/vit.ts";
import { RandomStream } from "../../core/rng.ts";
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

/** Runs before the first that counts. */
const WARM_UP = 3;

/** As in evaluation. */
const INFERENCE_IN_FLIGHT = 2;

/** Images a second over the repeats. */
interface Speed {
  readonly median: number;
  /** A tenth of the repeats was slower, a tenth faster. */
  readonly p10: number;
  readonly p90: number;
}

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
    options: resolveOptions(method, given, vitShape(backbone.config)),
    classes: input.number("classes"),
    seed: input.number("seed"),
  });
  const inference = await measureInference(model, input);
  const training = await measureTraining(model, input);
  return {
    method: method.name,
    trainable: model.trainableCount,
    inference,
    ...training,
  };
}

async function measureInference(
  model: AdaptedModel,
  input: Input,
): Promise<Speed> {
  const { batch } = batchOf(model, input);
  const plan = model.forwardPlan(input.number("batch-size"));
  const program = await model.engine.compile(plan);
  const speed = await measure(
    () => program.run({ images: batch.images }),
    INFERENCE_IN_FLIGHT,
    input,
  );
  program.close();
  return speed;
}

async function measureTraining(
  model: AdaptedModel,
  input: Input,
): Promise<{ training: Speed; arenaBytes: number }> {
  const { batch } = batchOf(model, input);
  const settings = {
    ...defaultSettings,
    augment: noAugment,
    batchSize: input.number("batch-size"),
  };
  const stepper = await openStepper(model, settings, 1);
  let step = 0;
  const training = await measure(
    () => stepper.run(batch, step++),
    stepper.depth,
    input,
  );
  stepper.close();
  return { training, arenaBytes: stepper.arenaBytes };
}

function batchOf(model: AdaptedModel, input: Input) {
  const { imageSize, channels, classes } = model.spec.config;
  const count = input.number("batch-size");
  const random = new RandomStream(input.number("seed"), "bench");
  const images = Float32Array.from(
    { length: count * channels * imageSize ** 2 },
    () => 2 * random.next() - 1,
  );
  const labels = Int32Array.from({ length: count }, (_, i) => i % classes);
  return { batch: { images, labels, count } };
}

/** Times groups of runs in flight, as training and evaluation start them. */
async function measure(
  start: () => Promise<unknown>,
  inFlight: number,
  input: Input,
): Promise<Speed> {
  const images = inFlight * input.number("batch-size");
  const run = () => Promise.all(Array.from({ length: inFlight }, start));
  for (let i = 0; i < WARM_UP; i++) await run();
  const speeds: number[] = [];
  for (let i = 0; i < input.number("repeats"); i++) {
    const started = performance.now();
    await run();
    speeds.push(1000 * images / (performance.now() - started));
  }
  speeds.sort((a, b) => a - b);
  const at = (share: number) => speeds[Math.round(share * (speeds.length - 1))];
  return { median: at(0.5), p10: at(0.1), p90: at(0.9) };
}
