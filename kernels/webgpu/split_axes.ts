/**
 * The axes of a kernel call, and the calls that its two parts become.
 *
 * @module
 */
import { elementBytes, type KernelCall, type Place } from "../engine.ts";
import {
  type Allocate,
  type Axis,
  countOf,
  sliceOf,
  unitOf,
} from "./split_axis.ts";
import { isWhole, type Rule, RULES } from "./split_rules.ts";
import { matmulAxes } from "./split_matmul.ts";

/** The ways to cut a call; none if it has to stay whole. */
export function axesOf(call: KernelCall): Axis[] {
  if (call.kernel === "matmul") return matmulAxes(call);
  if (call.kernel === "global_norm") return [normAxis(call)];
  const rule = RULES.get(call.kernel);
  return rule ? [ruleAxis(call, rule)] : [];
}

function ruleAxis(call: KernelCall, rule: Rule): Axis {
  const rows = call.attributes[rule.axis];
  const isSum = (i: number) => rule.sums?.includes(i) ?? false;
  const isCut = (i: number) =>
    !isWhole(call, rule, i) && !(rule.once?.includes(i) ?? false);
  const sliced = [
    ...call.inputs.filter((place, i) => place && isCut(i)),
    ...call.outputs.filter((place, i) => place && !isSum(i)),
  ] as Place[];
  const rowBytesOf = (place: Place) =>
    elementBytes(place.dtype) * countOf(place) / rows;
  let unit = rule.multiple ? call.attributes[rule.multiple] : 1;
  for (const place of sliced) {
    unit = common(unit, unitOf(rowBytesOf(place)));
  }
  const rowsOf = (place: Place, first: number, count: number) => {
    const row = countOf(place) / rows;
    return sliceOf(place, row * first, row * count);
  };
  const part = (first: number, count: number): KernelCall => ({
    kernel: call.kernel,
    inputs: call.inputs.map((place, i) => {
      if (!place || isWhole(call, rule, i)) return place;
      if (!isCut(i)) return first === 0 ? place : undefined;
      return rowsOf(place, first, count);
    }),
    outputs: call.outputs.map((place, i) =>
      place && !isSum(i) ? rowsOf(place, first, count) : place
    ),
    attributes: {
      ...call.attributes,
      ...rule.attributes?.(call.attributes, first, count),
      [rule.axis]: count,
    },
  });
  return {
    rows,
    unit,
    rowBytes: new Map(sliced.map((place) => [place, rowBytesOf(place)])),
    cut: (at, allocate) =>
      sumParts([part(0, at), part(at, rows - at)], rule.sums ?? [], allocate),
  };
}

/** Parts whose sums go to scratch memory, and calls that add them. */
function sumParts(
  parts: KernelCall[],
  sums: readonly number[],
  allocate: Allocate,
): KernelCall[] {
  const additions: KernelCall[] = [];
  const moved = parts.map((part) => ({ ...part, outputs: [...part.outputs] }));
  for (const index of sums) {
    const output = parts[0].outputs[index];
    if (!output) continue;
    const count = countOf(output);
    const terms = moved.map(({ outputs }) =>
      outputs[index] = allocate([count])
    );
    additions.push({
      kernel: "add",
      inputs: terms,
      outputs: [output],
      attributes: { count, alpha: 1 },
    });
  }
  return [...moved, ...additions];
}

/** The norm of the norms of two parts, which lie 256 bytes apart at first. */
function normAxis(call: KernelCall): Axis {
  const [x] = call.inputs as [Place];
  const { count } = call.attributes;
  return {
    rows: count,
    unit: unitOf(elementBytes(x.dtype)),
    rowBytes: new Map([[x, elementBytes(x.dtype)]]),
    cut(at, allocate) {
      const apart = allocate([2, 64]);
      const joined = allocate([64, 2]);
      const norm = (input: Place, output: Place): KernelCall => ({
        ...call,
        inputs: [input],
        outputs: [output],
        attributes: { ...call.attributes, count: countOf(input) },
      });
      return [
        norm(sliceOf(x, 0, at), sliceOf(apart, 0, 1)),
        norm(sliceOf(x, at, count - at), sliceOf(apart, 64, 1)),
        {
          kernel: "transpose",
          inputs: [apart],
          outputs: [joined],
          attributes: { a: 2, b: 64, c: 1 },
        },
        norm(sliceOf(joined, 0, 2), call.outputs[0]!),
      ];
    },
  };
}

/** The least number that both divide. */
function common(a: number, b: number): number {
  let multiple = a;
  while (multiple % b !== 0) multiple += a;
  return multiple;
}
