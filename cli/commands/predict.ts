import { fits } from "../../core/data/fit.ts";
import { filters } from "../../core/data/resize.ts";
import { Evaluator } from "../../core/train/evaluate.ts";
import type { CliCommand } from "../command.ts";
import { precisionOf, withDevice } from "../device.ts";
import { deviceFlags, precisionFlag } from "../flags.ts";
import { percent } from "../format.ts";
import type { Input } from "../input.ts";
import {
  type OpenModel,
  openModel,
  runFlags,
  SharedBackbones,
} from "../model.ts";
import type { Output } from "../output.ts";
import { readImages } from "../read_images.ts";
import { table } from "../table.ts";

/** Names what images show. */
export const predict: CliCommand = {
  name: "predict",
  summary: "classes and probabilities of images",
  examples: [
    "predict --model runs/photos cat.jpg dog.jpg",
    "predict --model merged.safetensors --top 3 cat.jpg",
    "predict --model runs/alore,runs/lora cat.jpg",
  ],
  arguments: [{ name: "IMAGE", help: "image files", variadic: true }],
  flags: [
    {
      name: "model",
      kind: "text",
      placeholder: "RUN|FILE[,…]",
      required: true,
      help: "a run's folder, or a file that merge wrote; several runs share " +
        "one copy of their backbone",
    },
    ...runFlags.filter(({ name }) => name !== "run"),
    {
      name: "top",
      kind: "integer",
      default: 1,
      minimum: 1,
      help: "classes to list for each image",
    },
    {
      name: "fit",
      kind: "text",
      choices: fits,
      defaultText: "as the data were prepared",
      group: "Images",
      help: "how an image becomes square",
    },
    {
      name: "filter",
      kind: "text",
      choices: filters,
      defaultText: "as the data were prepared",
      group: "Images",
      help: "how pixels are weighted when resizing",
    },
    {
      name: "crop-pct",
      kind: "number",
      minimum: 0.01,
      maximum: 1,
      defaultText: "as the data were prepared",
      group: "Images",
      help: "share of the resized side whose centre is looked at",
    },
    ...deviceFlags,
    precisionFlag,
  ],
  run,
};

/** Images that are computed at once. */
const BATCH = 16;

interface Guess {
  readonly class: string;
  readonly probability: number;
}

/** What one model says of every image. */
interface Predicted {
  readonly model: string;
  readonly images: readonly {
    readonly file: string;
    readonly guesses: readonly Guess[];
  }[];
}

async function run(input: Input, output: Output): Promise<unknown> {
  const paths = input.text("model").split(",").filter(Boolean);
  return await withDevice(input, output, async (engine, device) => {
    using backbones = new SharedBackbones(engine);
    output.detail(device);
    const documents: Predicted[] = [];
    for (const path of paths) {
      const opened = await openModel(engine, path, input, backbones);
      using _model = opened.model;
      if (documents.length > 0) output.print();
      if (paths.length > 1) output.print(path);
      const predicted = { model: path, images: await guess(opened, input) };
      printGuesses(predicted, output);
      documents.push(predicted);
    }
    return documents.length === 1 ? documents[0] : { models: documents };
  }, precisionOf(input));
}

async function guess(
  { model, preprocess, classes, resize }: OpenModel,
  input: Input,
): Promise<Predicted["images"]> {
  const files = input.words("IMAGE");
  const split = await readImages(files, model.spec.config.imageSize, {
    fit: input.textOr("fit") ?? resize?.fit,
    filter: input.textOr("filter") ?? resize?.filter,
    cropPct: input.given("crop-pct")
      ? input.number("crop-pct")
      : resize?.cropPct,
  });
  const evaluator = await Evaluator.open(model, {
    preprocess,
    batchSize: Math.min(BATCH, files.length),
  });
  const { logits } = await evaluator.evaluate(split);
  evaluator.close();
  const top = Math.min(classes.length, input.number("top"));
  return files.map((file, i) => {
    const row = logits.subarray(i * classes.length, (i + 1) * classes.length);
    return { file, guesses: guessesOf(row, classes).slice(0, top) };
  });
}

function printGuesses({ images }: Predicted, output: Output): void {
  const rows = images.flatMap(({ file, guesses }) =>
    guesses.map((guess, i) => [
      i === 0 ? file : "",
      guess.class,
      percent(guess.probability),
    ])
  );
  table([
    { title: "image" },
    { title: "class" },
    { title: "probability", align: "right" },
  ], rows).forEach((line) => output.print(line));
}

/** Softmax, most probable first. */
function guessesOf(
  logits: Float32Array,
  classes: readonly string[],
): Guess[] {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = Array.from(logits, (value) => Math.exp(value - largest));
  const sum = weights.reduce((a, b) => a + b, 0);
  return classes
    .map((name, i) => ({ class: name, probability: weights[i] / sum }))
    .sort((a, b) => b.probability - a.probability);
}
