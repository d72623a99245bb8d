import { buildModel } from "../../core/models/build_model.ts";
import { findMethod, methods } from "../../core/methods/mod.ts";
import { RunDirectory } from "../../core/train/run_directory.ts";
import {
  type PlannedStep,
  train,
  type TrainResult,
} from "../../core/train/trainer.ts";
import { VERSION } from "../../core/version.ts";
import { hinted } from "../../core/errors.ts";
import { DeviceError } from "../../kernels/engine.ts";
import { backboneFlag } from "../backbone.ts";
import type { CliCommand } from "../command.ts";
import { withDevice } from "../device.ts";
import { FailedWith } from "../failed_with.ts";
import { deviceFlags, methodFlags, precisionFlag } from "../flags.ts";
import { bytes, clock, count, percent, plural } from "../format.ts";
import { backboneFacts, imageFlags } from "../image_flags.ts";
import type { Input } from "../input.ts";
import { interruptible } from "../interrupt.ts";
import type { Output } from "../output.ts";
import { TrainBar } from "../progress.ts";
import { trainFlags } from "../train_flags.ts";
import { planRun, type RunPlan, runPrecision } from "../train_plan.ts";

/** Adapts a backbone to a data set. */
export const trainCommand: CliCommand = {
  name: "train",
  summary: "adapts a backbone to a data set",
  examples: [
    "train --data photos.safetensors --method alore --out runs/photos",
    "train --resume runs/photos",
  ],
  flags: [
    {
      name: "data",
      kind: "text",
      placeholder: "FILE",
      help: "a file that data prepare wrote; needed for a new run",
    },
    backboneFlag,
    ...imageFlags,
    {
      name: "out",
      kind: "text",
      placeholder: "RUN",
      help: "folder of the new run; must not exist, except with --resume",
    },
    {
      name: "resume",
      kind: "text",
      placeholder: "RUN",
      optionalValue: true,
      help: "continue the run there, or at --out, which may also not exist yet",
    },
    {
      name: "method",
      kind: "text",
      placeholder: "NAME",
      default: "alore",
      choices: [...methods.keys()],
      group: "Method",
      help: `what trains: ${[...methods.keys()].join(", ")}`,
    },
    ...methodFlags(methods.values()),
    ...trainFlags,
    ...deviceFlags,
    precisionFlag,
  ],
  run,
};

async function run(input: Input, output: Output): Promise<unknown> {
  const precision = await runPrecision(input);
  return await withDevice(input, output, async (engine, device) => {
    const plan = await planRun(input, engine.description, precision);
    const { config, backbone, dataset } = plan;
    const { lr, seed } = config.settings;
    output.note(
      `alore ${VERSION} · ${device} · learning rate ${lr} · seed ${seed}`,
    );
    backboneFacts(backbone).forEach((line) => output.note(line));
    output.detail(JSON.stringify(config, undefined, 2));
    const method = findMethod(config.method);
    using model = buildModel({
      engine,
      backbone,
      method,
      options: config.options,
      classes: config.classes.length,
      seed: config.settings.seed,
    });
    const bar = new TrainBar(output, {
      title: config.method,
      trainable: model.trainableCount,
    });
    const result = await interruptible(async (signal) => {
      const directory = plan.existing ??
        await RunDirectory.create(plan.path, config);
      let began = false;
      try {
        return await train({
          model,
          dataset,
          preprocess: backbone.preprocess,
          settings: config.settings,
          run: directory,
          resume: plan.existing !== undefined,
          signal,
          onPlanned: (step) => {
            began = true;
            output.note(describeStep(step));
          },
          onStep: (step) => bar.onStep(step),
          onEpoch: (record) => bar.onEpoch(record),
        });
      } catch (error) {
        const goesOn = began && error instanceof DeviceError;
        if (!plan.existing && !goesOn) await removeIfEmpty(directory);
        throw error;
      }
    }).finally(() => bar.stop());
    const document = documentOf(plan, result, model.trainableCount);
    if (result.interrupted) throw interrupted(plan, result, document);
    printResult(plan, result, model.trainableCount, output);
    return document;
  }, precision);
}

/** What a step takes, before the first one runs. */
function describeStep({ arenaBytes, parts }: PlannedStep): string {
  const made = parts > 1 ? `, the batch in ${parts} parts` : "";
  return `Step       ${bytes(arenaBytes)} of activations${made}`;
}

/** A run that failed before it saved anything leaves nothing behind. */
async function removeIfEmpty(directory: RunDirectory): Promise<void> {
  const records = await directory.readRecords();
  if (records.length > 0 || await directory.hasState()) return;
  await Deno.remove(directory.path, { recursive: true });
}

function documentOf(
  { path, config }: RunPlan,
  { records, best, interrupted }: TrainResult,
  trainable: number,
): Record<string, unknown> {
  return {
    run: path,
    config,
    trainable,
    epochs: records,
    best: best && { epoch: best.epoch, top1: best.top1 },
    complete: !interrupted,
  };
}

function interrupted(
  { path, config }: RunPlan,
  { records }: TrainResult,
  document: Record<string, unknown>,
): Error {
  return hinted(
    new FailedWith(
      `Stopped after ${records.length} of ${config.settings.epochs} epochs; ` +
        `what was done is saved in ${path}`,
      document,
    ),
    `continue with: deno task alore train --resume ${path}`,
  );
}

function printResult(
  { path, config }: RunPlan,
  { records, best }: TrainResult,
  trainable: number,
  output: Output,
): void {
  const last = records.at(-1);
  const seconds = records.reduce((sum, record) => sum + record.seconds, 0);
  output.print(
    `Trained     ${count(trainable)} numbers in ${clock(seconds)}, ` +
      plural(records.length, "epoch"),
  );
  if (last?.validationTop1 !== undefined && best) {
    output.print(
      `Validation  last ${percent(last.validationTop1)}, best ` +
        `${percent(best.top1)} at epoch ${best.epoch}`,
    );
  }
  output.print(`Run         ${path}`);
  output.print(`Next        deno task alore eval --run ${path}`);
  if (findMethod(config.method).merge) {
    output.print(
      `            deno task alore merge --run ${path} --out merged.safetensors`,
    );
  }
}
