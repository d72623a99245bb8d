/**
 * Learning rate and the other numbers that AdamW takes at each step.
 *
 * @module
 */

import type { HostArray } from "../../kernels/engine.ts";

/** A cosine schedule with linear warm-up. */
export interface Schedule {
  /** Peak learning rate. */
  readonly lr: number;
  /** Learning rate at the end. */
  readonly minLr: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
}

/**
 * The learning rate of a step: linear up to `lr`, then half a cosine down to
 * `minLr`.
 *
 * @param step Counted from 0.
 */
export function learningRate(step: number, schedule: Schedule): number {
  const { lr, minLr, warmupSteps, totalSteps } = schedule;
  if (step < warmupSteps) return lr * (step + 1) / warmupSteps;
  const span = Math.max(1, totalSteps - warmupSteps);
  const done = Math.min(1, (step - warmupSteps) / span);
  return minLr + (lr - minLr) * (1 + Math.cos(Math.PI * done)) / 2;
}

/** AdamW's numbers that stay the same over a run. */
export interface AdamwOptions {
  readonly betas: readonly [number, number];
  readonly eps: number;
  /** Decoupled; applied to every trainable tensor. */
  readonly weightDecay: number;
  /** Largest global gradient norm; 0 for no clipping. */
  readonly clip: number;
}

/**
 * The `settings` input of a training step.
 *
 * @param step Counted from 0.
 * @returns lr, β₁, β₂, eps, decay, clip, 1 - β₁ⁿ, 1 - β₂ⁿ with n = step + 1.
 */
export function adamwSettings(
  step: number,
  lr: number,
  options: AdamwOptions,
): HostArray {
  const { betas: [beta1, beta2], eps, weightDecay, clip } = options;
  return Float32Array.of(
    lr,
    beta1,
    beta2,
    eps,
    weightDecay,
    clip,
    1 - beta1 ** (step + 1),
    1 - beta2 ** (step + 1),
  );
}
