/**
 * The aggregation of experts taken apart: its calls by the kernels of each.
 *
 * @module
 */
import type { KernelCall } from "../engine.ts";
import { copy } from "./copy.ts";
import { expertMix } from "./expert_mix.ts";
import { expertMixGradient } from "./expert_mix_gradient.ts";
import type { Dispatch, Kernel, LoweringContext, Shader } from "./kernel.ts";
import { matmul } from "./matmul.ts";
import { transpose } from "./transpose.ts";

const parts: ReadonlyMap<string, Kernel> = new Map(
  [copy, expertMix, expertMixGradient, matmul, transpose]
    .map((kernel) => [kernel.name, kernel]),
);

/** The shaders of {@linkcode lowerParts}. */
export const partShaders: readonly Shader[] = [...parts.values()]
  .flatMap(({ shaders }) => shaders);

/**
 * Lowers the calls that a call consists of.
 *
 * @throws {TypeError} If one is no part of an aggregation.
 */
export function lowerParts(
  calls: readonly KernelCall[],
  context: LoweringContext,
): Dispatch[] {
  return calls.flatMap((call) => {
    const kernel = parts.get(call.kernel);
    if (kernel) return kernel.lower(call, context);
    throw new TypeError(
      `Cannot lower a part of an aggregation: got ${call.kernel}, wanted one ` +
        `of ${[...parts.keys()].join(", ")}`,
    );
  });
}
