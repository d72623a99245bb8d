/**
 * In which ways a plan uses kernels, as far as a device may get one right and
 * another one wrong.
 *
 * @module
 */

import {
  type HalfOperands,
  type KernelCall,
  NO_HALF,
  type Place,
  type Plan,
} from "./engine.ts";
import { familyCosts } from "./check_budget.ts";
import { kernelChecks } from "./kernel_checks.ts";

/** One way. */
export interface KernelUse {
  readonly kernel: string;
  /** Whether it is the attention that software adapters have for long sequences. */
  readonly long: boolean;
  /** What is stored as f16. */
  readonly half: HalfOperands;
}

/** A use in float32. */
export function plainUse(kernel: string): KernelUse {
  return { kernel, long: false, half: NO_HALF };
}

/** Every kernel in float32. */
export function everyUse(): KernelUse[] {
  const names = [...kernelChecks.values()].flat().map(({ kernel }) => kernel);
  return [...new Set(names)].map(plainUse);
}

/** A use, and what a driver takes to compile it beside others. */
export interface CostedUse extends KernelUse {
  readonly cost: number;
}

/**
 * One kernel of each family, those first that are fast to compile: what a new
 * device is tried with when it is opened.
 */
export function familyUses(): CostedUse[] {
  return [...familyCosts].flatMap(([family, cost]) =>
    (kernelChecks.get(family) ?? []).slice(0, 1)
      .map(({ kernel }) => ({ ...plainUse(kernel), cost }))
  );
}

/** The use that a call makes of its kernel. */
export function useOf(
  call: KernelCall,
  isLong: (call: KernelCall) => boolean,
): KernelUse {
  const { kernel, inputs, outputs } = call;
  const half = { inputs: halves(inputs), outputs: halves(outputs) };
  return { kernel, long: isLong(call), half };
}

/** A use in one line, such as `matmul` or `attention at length, f16 0 > 0`. */
export function useKey({ kernel, long, half }: KernelUse): string {
  const { inputs, outputs } = half;
  const stored = inputs.length + outputs.length > 0
    ? `, f16 ${inputs.join(" ")} > ${outputs.join(" ")}`
    : "";
  return `${kernel}${long ? " at length" : ""}${stored}`;
}

/** The distinct uses of a plan. */
export function usesOf(
  { calls }: Plan,
  isLong: (call: KernelCall) => boolean,
): KernelUse[] {
  const uses = calls.map((call) => useOf(call, isLong));
  return [...new Map(uses.map((use) => [useKey(use), use])).values()];
}

function halves(places: readonly (Place | undefined)[]): number[] {
  return places.flatMap((place, i) => place?.dtype === "f16" ? [i] : []);
}
