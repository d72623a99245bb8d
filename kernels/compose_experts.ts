/**
 * The aggregation of experts as calls of smaller kernels, for engines and sizes
 * that have no kernel for it as a whole.
 *
 * @module
 */

import type { KernelCall, Place } from "./engine.ts";

/** Memory that lives until the last of the calls. */
type Take = (shape: readonly number[]) => Place;

const PRODUCT = { transA: 0, transB: 0, alpha: 1, activation: 0 };

/** An `aggregate_experts` as calls, four of them in float32. */
export function composeExperts(call: KernelCall, take: Take): KernelCall[] {
  const { rows, experts, rank, chunk, alpha, keep, transpose } =
    call.attributes;
  const [x, down, up, scale, residual] = call.inputs;
  const [y, ...made] = call.outputs;
  const columns = experts * rank;
  const chunks = rows * experts;
  const table = take([chunk, columns]);
  // What is rounded to f16 is rounded last, not between two steps.
  const rounded = made.map((place) => place?.dtype === "f16");
  const [low, mixed] = made.map((place, i) =>
    place && !rounded[i] ? place : take([chunks, columns])
  );
  const calls: KernelCall[] = [
    {
      kernel: "transpose",
      inputs: [down],
      outputs: [table],
      attributes: { a: experts, b: chunk, c: rank },
    },
    {
      kernel: "matmul",
      inputs: [x, transpose ? up : table, undefined, undefined],
      outputs: [low],
      attributes: {
        ...PRODUCT,
        m: chunks,
        n: columns,
        k: chunk,
        transB: transpose,
        alpha: transpose ? alpha : 1,
      },
    },
    {
      kernel: "expert_mix",
      inputs: [low, scale],
      outputs: [mixed],
      attributes: { rows, experts, rank, transpose },
    },
  ];
  if (y) {
    calls.push({
      kernel: "matmul",
      inputs: [mixed, transpose ? table : up, undefined, keep ? x : residual],
      outputs: [y],
      attributes: {
        ...PRODUCT,
        m: chunks,
        n: chunk,
        k: columns,
        transB: transpose,
        alpha: transpose ? 1 : alpha,
      },
    });
  }
  for (const [i, from] of [low, mixed].entries()) {
    if (!rounded[i]) continue;
    calls.push({
      kernel: "copy",
      inputs: [from],
      outputs: [made[i]],
      attributes: { count: chunks * columns },
    });
  }
  return y || !transpose ? calls : calls.slice(1);
}

/** An `aggregate_experts_gradient` as the calls that its results need. */
export function composeExpertsGradient(
  call: KernelCall,
  take: Take,
): KernelCall[] {
  const { rows, experts, rank, chunk, alpha } = call.attributes;
  const [x, dy, low, mixed, dmixed, dlow, addend] = call.inputs;
  const [dscale, ddown, dup] = call.outputs;
  const columns = experts * rank;
  const k = rows * experts;
  const calls: KernelCall[] = [];
  if (dup) {
    calls.push({
      kernel: "matmul",
      inputs: [mixed, dy, undefined, undefined],
      outputs: [dup],
      attributes: { ...PRODUCT, m: columns, n: chunk, k, transA: 1, alpha },
    });
  }
  if (dscale) {
    calls.push({
      kernel: "expert_mix_gradient",
      inputs: [low, dmixed, addend],
      outputs: [dscale],
      attributes: { rows, experts, rank },
    });
  }
  if (ddown) {
    const table = take([chunk, columns]);
    calls.push({
      kernel: "matmul",
      inputs: [x, dlow, undefined, undefined],
      outputs: [table],
      attributes: { ...PRODUCT, m: chunk, n: columns, k, transA: 1 },
    }, {
      kernel: "transpose",
      inputs: [table],
      outputs: [ddown],
      attributes: { a: chunk, b: experts, c: rank },
    });
  }
  return calls;
}
