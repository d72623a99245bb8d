import { type Split, splitNames } from "../../core/data/dataset.ts";
import { Evaluator } from "../../core/train/evaluate.ts";
import type { Evaluation } from "../../core/train/records.ts";
import {
  mergeAndCheck,
  type MergeCheck,
} from "../../core/train/verify_merge.ts";
import { VERSION } from "../../core/version.ts";
import { writeFile } from "../../core/weights/write_file.ts";
import type { CliCommand } from "../command.ts";
import { precisionOf, withDevice } from "../device.ts";
import { deviceFlags, precisionFlag } from "../flags.ts";
import { count, percent, rate, short } from "../format.ts";
import type { Input } from "../input.ts";
import { type OpenRun, openRun, runFlags, SharedBackbones } from "../model.ts";
import type { Output } from "../output.ts";
import {
  optionFacts,
  originFacts,
  quoted,
  samplesOf,
  trainCommandOf,
} from "../report_parts.ts";
import { CountBar } from "../progress.ts";
import { readRunData } from "../run_data.ts";
import { splitOf } from "../split.ts";
import { table } from "../table.ts";

/** Says how right a run is. */
export const evalCommand: CliCommand = {
  name: "eval",
  summary: "accuracy and confusion matrix of a run",
  examples: [
    "eval --run runs/photos",
    "eval --run runs/photos --merged",
    "eval --run runs/alore,runs/lora",
  ],
  flags: [
    ...runFlags.map((flag) =>
      flag.name === "run"
        ? {
          ...flag,
          placeholder: "RUN[,RUN…]",
          help: `${flag.help}; several share one copy of their backbone`,
        }
        : flag
    ),
    {
      name: "data",
      kind: "text",
      placeholder: "FILE",
      defaultText: "the data of the run",
      help: "a file that data prepare wrote, with the same classes",
    },
    {
      name: "split",
      kind: "text",
      choices: splitNames,
      default: "test",
      help: "which images",
    },
    {
      name: "merged",
      kind: "boolean",
      help: "fold the adapter first, and compare",
    },
    ...deviceFlags,
    precisionFlag,
  ],
  run,
};

/** More classes than these make no readable matrix. */
const LARGEST_MATRIX = 20;

async function run(input: Input, output: Output): Promise<unknown> {
  const paths = input.text("run").split(",").filter(Boolean);
  return await withDevice(input, output, async (engine, device) => {
    using backbones = new SharedBackbones(engine);
    output.note(device);
    const documents: Tested[] = [];
    for (const path of paths) {
      const opened = await openRun(engine, path, input, backbones);
      using _model = opened.model;
      if (documents.length > 0) output.print();
      documents.push(await testRun(opened, input, output));
    }
    if (documents.length === 1) return documents[0];
    printComparison(documents, output);
    return { runs: documents };
  }, precisionOf(input));
}

/** What is told of a tested run. */
interface Tested extends Omit<Evaluation, "logits"> {
  readonly run: string;
  readonly method: string;
  readonly trainable: number;
  readonly [field: string]: unknown;
}

async function testRun(
  opened: OpenRun,
  input: Input,
  output: Output,
): Promise<Tested> {
  const { config, path } = opened.run;
  const file = input.textOr("data");
  const dataset = await readRunData(config, file);
  const name = input.text("split");
  const split = splitOf(dataset, name, file ?? config.data.source);
  const merge = input.on("merged")
    ? await mergeAndCheck(opened.model, split, opened.preprocess)
    : undefined;
  const found = merge?.merged ?? await evaluate(opened, split, output);
  const kind = input.on("best") ? "best epoch" : "last epoch";
  output.print(
    `${path}  ${config.method}, ${kind}${merge ? ", merged" : ""}, ` +
      `${count(found.count)} ${name} images of ${dataset.description.name}`,
  );
  output.print();
  printEvaluation(found, config.classes, output);
  const report = `${path}/report.html`;
  if (name === "test") {
    const page = await evalReport(opened, { found, split, merge });
    await writeFile(report, page, { overwrite: true });
    output.print();
    output.print(`Report  ${report}`);
  }
  const { logits: _, ...numbers } = found;
  return {
    run: path,
    method: config.method,
    trainable: opened.model.trainableCount,
    split: name,
    data: dataset.hash,
    classes: config.classes,
    ...numbers,
    report: name === "test" ? report : undefined,
    merge: merge && {
      largestDifference: merge.largestDifference,
      agreement: merge.agreement,
      images: merge.images,
    },
  };
}

/** The runs side by side. */
function printComparison(runs: readonly Tested[], output: Output): void {
  output.print();
  table(
    [
      { title: "run" },
      { title: "method" },
      { title: "trainable", align: "right" },
      { title: "top-1", align: "right" },
      { title: "loss", align: "right" },
    ],
    runs.map(({ run, method, trainable, top1, loss }) => [
      run,
      method,
      count(trainable),
      percent(top1, 2),
      short(loss),
    ]),
  ).forEach((line) => output.print(line));
}

async function evaluate(
  { model, preprocess }: OpenRun,
  split: ReturnType<typeof splitOf>,
  output: Output,
): Promise<Evaluation> {
  const evaluator = await Evaluator.open(model, { preprocess });
  const bar = new CountBar(output, "images");
  try {
    return await evaluator.evaluate(
      split,
      (done) => bar.update(done, split.count),
    );
  } finally {
    bar.stop();
    evaluator.close();
  }
}

/** The run's page, from its records and its test. */
async function evalReport(
  { run, model }: OpenRun,
  { found, split, merge }: {
    found: Evaluation;
    split: Split;
    merge?: MergeCheck;
  },
): Promise<string> {
  const { config, path } = run;
  const records = await run.readRecords();
  // Charts take a while to load, and most commands draw none.
  const { runReport } = await import("../../core/study/run_report.ts");
  return runReport({
    title: `${config.method} on ${config.data.name}`,
    subtitle: `alore ${VERSION} · ${config.engine} · seed ` +
      `${config.settings.seed} · ${new Date().toISOString().slice(0, 10)}`,
    facts: originFacts(config),
    options: optionFacts(config),
    classes: config.classes,
    runs: [{
      name: config.method,
      trainable: model.trainableCount,
      learningRate: config.settings.lr,
      seconds: records.reduce((sum, record) => sum + record.seconds, 0),
      epochs: records,
      test: found,
      command: trainCommandOf(config, path),
    }],
    confusion: found.confusion,
    samples: samplesOf(split, found, config.model.imageSize),
    merge: merge && {
      foldedTensors: merge.folded.length,
      largestDifference: merge.largestDifference,
      agreement: merge.agreement,
      images: merge.images,
      mergedImagesPerSecond: merge.merged.imagesPerSecond,
      unmergedImagesPerSecond: merge.unmerged.imagesPerSecond,
    },
    repeat: [`deno task alore eval --run ${quoted(path)}`],
  });
}

function printEvaluation(
  found: Evaluation,
  classes: readonly string[],
  output: Output,
): void {
  output.print(`Top-1           ${output.bold(percent(found.top1, 2))}`);
  if (found.confusion.length > 5) {
    output.print(`Top-5           ${percent(found.top5, 2)}`);
  }
  output.print(`Mean per class  ${percent(found.meanPerClass, 2)}`);
  output.print(`Loss            ${short(found.loss)}`);
  output.print(
    `Speed           ${rate(found.imagesPerSecond)}`,
  );
  if (classes.length > LARGEST_MATRIX) return;
  output.print();
  output.print("Rows are what an image is, columns what it is taken for:");
  const rows = found.confusion.map((row, i) => [
    classes[i],
    ...row.map((n) => n === 0 ? "·" : count(n)),
    shareRight(row, i),
  ]);
  // Of few classes, long names too fit a terminal.
  const most = classes.length > 8 ? 8 : 12;
  const columns = [
    { title: "" },
    ...classes.map((name) => ({
      title: shortened(name, most),
      align: "right" as const,
    })),
    { title: "right", align: "right" as const },
  ];
  table(columns, rows).forEach((line) => output.print(line));
}

/** A name of at most so many characters. */
function shortened(name: string, most: number): string {
  const letters = [...name];
  if (letters.length <= most) return name;
  return `${letters.slice(0, most - 1).join("")}…`;
}

function shareRight(row: readonly number[], label: number): string {
  const all = row.reduce((a, b) => a + b, 0);
  return all === 0 ? "" : percent(row[label] / all);
}
