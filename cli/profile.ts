/**
 * Measures where the time of a model goes, and prints it.
 *
 * @module
 */

import { noAugment } from "../core/data/augment.ts";
import type { AdaptedModel } from "../core/models/adapted_model.ts";
import {
  type OpProfile,
  type PlanProfile,
  profilePlan,
} from "../core/train/profile.ts";
import { defaultSettings } from "../core/train/settings.ts";
import { openStepper } from "../core/train/stepper.ts";
import { DeviceError, type RunProfile } from "../kernels/engine.ts";
import { count, percent } from "./format.ts";
import { randomBatch } from "./measure.ts";
import { table } from "./table.ts";

/** How much to measure. */
export interface ProfileOptions {
  /** Images a run. */
  readonly batch: number;
  /** Runs that count. */
  readonly repeats: number;
}

/** Profiles of both uses of a model. */
export interface ModelProfile {
  readonly inference: PlanProfile;
  readonly training: PlanProfile;
}

/**
 * Profiles the forward pass and the training step of a model on random images.
 *
 * @throws {DeviceError} If the engine has no clock for its kernels.
 */
export async function profileModel(
  model: AdaptedModel,
  { batch, repeats }: ProfileOptions,
): Promise<ModelProfile> {
  const images = randomBatch(model, batch);
  const forward = model.forwardPlan(batch);
  const program = await model.engine.compile(forward);
  let inference: PlanProfile;
  try {
    const inputs = { images: images.images };
    const run = () => clocked(program.profile?.(inputs));
    inference = await profilePlan(forward, run, repeats);
  } finally {
    program.close();
  }
  const settings = { ...defaultSettings, augment: noAugment, batchSize: batch };
  const stepper = await openStepper(model, settings, 1);
  let step = 0;
  try {
    const run = () => clocked(stepper.profile(images, step++));
    return {
      inference,
      training: await profilePlan(stepper.plan, run, repeats),
    };
  } finally {
    stepper.close();
  }
}

function clocked(run: Promise<RunProfile> | undefined): Promise<RunProfile> {
  if (run) return run;
  throw new DeviceError(
    "Cannot profile: got a device without a clock for its kernels " +
      "(timestamp queries), wanted one",
  );
}

/** What the figures of a profile are compared with. */
export interface ProfileView {
  readonly batch: number;
  /** What it is a profile of. */
  readonly title: string;
  /** GFLOP/s of a large matrix product on the same engine. */
  readonly gemmRate: number;
  /** Whether to tell calls apart by their shapes. */
  readonly shapes: boolean;
}

/** A profile as lines of text, the sums first. */
export function profileLines(
  profile: PlanProfile,
  { batch, title, gemmRate, shapes }: ProfileView,
): string[] {
  const { total, waiting, outside, flops } = profile;
  const rate = flops / total / 1e6;
  const whole = profile.median.toFixed(1);
  const head =
    `${title}, ${profile.label}: ${
      total.toFixed(1)
    } ms (median run ${whole}), ` +
    `${count(Math.round(1000 * batch / total))} images/s, ` +
    `${rate.toFixed(1)} GFLOP/s, ${percent(rate / gemmRate, 0)} of GEMM`;
  const rest = ["", "", "", "", ""];
  const plain = (name: string, time: number): string[] => [
    name,
    "",
    time.toFixed(2),
    percent(time / total),
    ...rest,
  ];
  const columns = ["calls", "ms", "share", "GFLOP", "GFLOP/s", "of GEMM"];
  const lines = table(
    [
      { title: "op" },
      ...[...columns, "MB", "GB/s"].map((title) => ({
        title,
        align: "right" as const,
      })),
    ],
    [
      ...(shapes ? profile.shapes : profile.ops).map((op) =>
        opCells(op, gemmRate)
      ),
      ...waiting > 0 ? [plain("(waiting)", waiting)] : [],
      plain("(outside)", outside),
    ],
  );
  return [head, "", ...lines];
}

function opCells(op: OpProfile, gemmRate: number): string[] {
  const rate = op.flops / op.busy / 1e6;
  const computes = op.flops > 0;
  return [
    op.shape === undefined ? op.kernel : `${op.kernel}  ${op.shape}`,
    count(op.calls),
    op.busy.toFixed(2),
    percent(op.share),
    computes ? (op.flops / 1e9).toFixed(3) : "",
    computes ? rate.toFixed(1) : "",
    computes ? percent(rate / gemmRate, 0) : "",
    (op.bytes / 1e6).toFixed(1),
    (op.bytes / op.busy / 1e6).toFixed(1),
  ];
}
