import { readDataset } from "../../core/data/dataset.ts";
import { hinted } from "../../core/errors.ts";
import type { Evaluation } from "../../core/train/records.ts";
import { mergeAndCheck } from "../../core/train/verify_merge.ts";
import { DENO_VERSION, VERSION } from "../../core/version.ts";
import { writeFile } from "../../core/weights/write_file.ts";
import { assetPath, backboneFlag, openBackbone } from "../backbone.ts";
import type { CliCommand } from "../command.ts";
import { type DemoFolder, openDemoFolder } from "../demo/folder.ts";
import { demoRuns } from "../demo/plan.ts";
import { type DemoFindings, demoReport, type Tested } from "../demo/report.ts";
import { searchRates } from "../demo/search.ts";
import {
  buildDemoModel,
  type DemoResult,
  type DemoSession,
  testDemo,
  testSplit,
  trainDemo,
} from "../demo/session.ts";
import { withDevice } from "../device.ts";
import { deviceFlags, seedFlag } from "../flags.ts";
import { clock, count, percent, short } from "../format.ts";
import type { Input } from "../input.ts";
import { interruptible } from "../interrupt.ts";
import { measureInference } from "../measure.ts";
import { plainModel } from "../model.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";

/** Shows the whole on a shipped data set. */
export const demo: CliCommand = {
  name: "demo",
  summary: "adapts the shipped backbone to digits, in three minutes",
  examples: ["demo", "demo --search"],
  flags: [
    {
      name: "search",
      kind: "boolean",
      help: "show how the learning rates were chosen, on validation images",
    },
    {
      name: "epochs",
      kind: "integer",
      default: 10,
      minimum: 1,
      help: "passes over the training images, the same for every method",
    },
    backboneFlag,
    seedFlag,
    ...deviceFlags,
  ],
  run,
};

const DATA = "digits_1k.safetensors";
const FOLDER = "runs/demo";

async function run(input: Input, output: Output): Promise<unknown> {
  return await withDevice(
    input,
    output,
    async (engine, device) =>
      await interruptible(async (signal) => {
        const dataSource = assetPath(DATA);
        const seed = input.number("seed");
        const backboneSource = input.text("backbone");
        const session: DemoSession = {
          engine,
          backbone: await openBackbone(backboneSource, seed),
          backboneSource,
          dataset: await readDataset(dataSource),
          dataSource,
          budget: { epochs: input.number("epochs"), seed },
          output,
          signal,
        };
        output.note(`alore ${VERSION} · ${device} · seed ${seed}`);
        output.note();
        printSession(session);
        try {
          return input.on("search")
            ? await searchRates(session)
            : await runDemo(session);
        } catch (error) {
          if (!signal.aborted) throw error;
          throw hinted(
            new RangeError("Stopped the demo; nothing was kept"),
            "start it again with: deno task demo",
          );
        }
      }),
  );
}

function printSession({ backbone, dataset, output }: DemoSession): void {
  const numbers = [...backbone.tensors]
    .filter(([name]) => !name.startsWith("head."))
    .reduce((sum, [, values]) => sum + values.length, 0);
  const millions = (numbers / 1e6).toFixed(2);
  const size = (name: "train" | "validation" | "test") =>
    `${count(dataset.splits.get(name)?.count ?? 0)} ${name}`;
  output.note(`Backbone   ${backbone.name}, ${millions} M parameters`);
  output.note(
    `Data       ${dataset.description.name} · ${size("train")}, ` +
      `${size("validation")}, ${size("test")} · ` +
      `${dataset.classes.length} classes`,
  );
  output.note();
}

async function runDemo(session: DemoSession): Promise<unknown> {
  const folder = await openDemoFolder(FOLDER);
  let published = false;
  const trained: DemoResult[] = [];
  try {
    const before = await testUntrained(session);
    for (const demoRun of demoRuns) {
      trained.push(
        await trainDemo(
          session,
          demoRun,
          `${folder.working}/${demoRun.method}`,
        ),
      );
    }
    const findings = await testAll(session, trained);
    const page = await demoReport(session, findings, folder.final);
    await writeFile(`${folder.working}/report.html`, page);
    const document = documentOf(before, findings, folder);
    await folder.publish(document);
    published = true;
    printFindings(session, before, findings, folder);
    return document;
  } finally {
    trained.forEach(({ model }) => model.close());
    if (!published) await folder.discard();
  }
}

/** What a new head says before anything is trained. */
async function testUntrained(session: DemoSession): Promise<Evaluation> {
  using model = buildDemoModel(session, demoRuns[demoRuns.length - 1]);
  return await testDemo(session, model);
}

/** Tests every run, and folds the last. */
async function testAll(
  session: DemoSession,
  trained: readonly DemoResult[],
): Promise<DemoFindings> {
  const { engine, backbone, dataset } = session;
  const tested: Tested[] = [];
  for (const result of trained.slice(0, -1)) {
    tested.push({ ...result, test: await testDemo(session, result.model) });
  }
  const last = trained[trained.length - 1];
  const { model } = last;
  const merge = await mergeAndCheck(
    model,
    testSplit(dataset),
    backbone.preprocess,
  );
  tested.push({ ...last, test: merge.unmerged });
  using plain = plainModel(engine, {
    ...backbone,
    config: model.spec.config,
    tensors: merge.tensors,
  });
  const options = { batch: 64, repeats: 5 };
  const unmerged = await measureInference(model, options);
  const merged = await measureInference(plain, options);
  return { tested, merge, merged, unmerged };
}

function printFindings(
  { output }: DemoSession,
  before: Evaluation,
  { tested, merge, merged, unmerged }: DemoFindings,
  { final }: DemoFolder,
): void {
  const rows = tested.map(({ run, model, test, seconds }) => [
    run.method,
    count(model.trainableCount),
    percent(test.top1),
    clock(seconds),
    run.note,
  ]);
  const lines = table([
    { title: "" },
    { title: "trainable", align: "right" },
    { title: "test top-1", align: "right" },
    { title: "time", align: "right" },
    { title: "" },
  ], [["untrained", "0", percent(before.top1), "", ""], ...rows]);
  output.note();
  lines.forEach((line, i) =>
    output.print(i === lines.length - 1 ? output.bold(line) : line)
  );
  output.print();
  output.print(
    `Merge      ${merge.folded.length} tensors folded · largest logit ` +
      `difference ${short(merge.largestDifference)} · same top-1 on ` +
      `${count(merge.agreement)} of ${count(merge.images)} images`,
  );
  const speed = ({ median }: typeof merged) => count(Math.round(median));
  output.print(
    `Inference  merged ${speed(merged)} img/s · unmerged ${speed(unmerged)} ` +
      "img/s",
  );
  output.print();
  if (final !== FOLDER) {
    output.print(`${FOLDER} is not from a demo, so it was left alone`);
  }
  const task = `npx -y deno@${DENO_VERSION} task alore`;
  output.print(`Report     ${final}/report.html`);
  output.print(
    "Next       adapt it to your own images, one folder a class:",
  );
  output.print(
    `             ${task} data prepare folder ./photos --out photos.safetensors`,
  );
  output.print(
    `             ${task} train --data photos.safetensors --method alore ` +
      "--out runs/photos",
  );
}

function documentOf(
  before: Evaluation,
  { tested, merge, merged, unmerged }: DemoFindings,
  { final }: DemoFolder,
): Record<string, unknown> {
  return {
    folder: final,
    report: `${final}/report.html`,
    untrained: { testTop1: before.top1 },
    runs: tested.map(({ run, config, model, records, seconds, test }) => ({
      method: run.method,
      options: config.options,
      settings: config.settings,
      trainable: model.trainableCount,
      validationTop1: records.at(-1)?.validationTop1,
      testTop1: test.top1,
      testMeanPerClass: test.meanPerClass,
      testImages: test.count,
      seconds,
    })),
    merge: {
      folded: merge.folded.length,
      largestDifference: merge.largestDifference,
      agreement: merge.agreement,
      images: merge.images,
    },
    inference: { merged, unmerged },
  };
}
