/**
 * Checks of kernels laid out as one plan, for a device and for its reference.
 *
 * @module
 */

import {
  alignPlace,
  byteLength,
  type Dtype,
  type HalfOperands,
  type HostArray,
  type KernelCall,
  type Place,
  type Plan,
  wordBytes,
} from "./engine.ts";
import {
  type KernelCheck,
  kernelChecks,
  type Operand,
} from "./kernel_checks.ts";

/** A check, with some operands stored as f16. */
export interface ChosenCheck {
  readonly family: string;
  readonly check: KernelCheck;
  readonly half: HalfOperands;
}

/** A result that is compared. */
export interface ComparedResult {
  readonly name: string;
  /** Of the kind that {@linkcode resultKey} gives. */
  readonly key: string;
  readonly family: string;
  readonly kernel: string;
  readonly half: boolean;
}

/** Results that other checks take, by {@linkcode resultKey}. */
export type KnownResults = ReadonlyMap<string, HostArray>;

/** Names a result of a check of a family. */
export function resultKey(
  family: string,
  kernel: string,
  result: number,
): string {
  return `${family}: ${kernel} ${result}`;
}

/** Calls that do not depend on each other, so that one error is one line. */
export class CheckPlan {
  /** For the device. */
  readonly plan: Plan;
  /** The same in float32, of the same places. */
  readonly reference: Plan;
  readonly results: readonly ComparedResult[];
  readonly #operands: readonly FedOperand[];

  constructor(chosen: readonly ChosenCheck[]) {
    const builder = new Builder();
    for (const one of chosen) builder.add(one);
    this.plan = builder.plan(({ place }) => place, inWords);
    this.reference = builder.plan(inFloats, inFloats);
    this.results = builder.results;
    this.#operands = builder.operands;
  }

  /** Inputs of both plans: the reference gets what the device's f16 holds. */
  feeds(known: KnownResults): Record<"device" | "reference", Feeds> {
    const [device, reference]: [Feeds, Feeds] = [{}, {}];
    for (const [seed, fed] of this.#operands.entries()) {
      const { name, place } = fed;
      const values = valuesOf(fed, seed, known);
      if (place.dtype === "f16" && values instanceof Float32Array) {
        const half = new Float16Array(wordBytes(place) / 2);
        half.set(values);
        device[name] = new Int32Array(half.buffer);
        reference[name] = Float32Array.from(half.subarray(0, values.length));
      } else device[name] = reference[name] = values;
    }
    return { device, reference };
  }
}

type Feeds = Record<string, HostArray>;

interface FedOperand {
  readonly name: string;
  readonly family: string;
  readonly place: Place;
  readonly operand: Operand;
}

/** The host writes f16 as words of two. */
function inWords({ place }: { place: Place }): Place {
  if (place.dtype !== "f16") return place;
  return { ...place, dtype: "i32", shape: [wordBytes(place) / 4] };
}

function inFloats({ place }: { place: Place }): Place {
  return place.dtype === "f16" ? { ...place, dtype: "f32" } : place;
}

/** Lays out operands one after the other. */
class Builder {
  readonly operands: FedOperand[] = [];
  readonly results: ComparedResult[] = [];
  readonly #calls: KernelCall[] = [];
  readonly #outputs = new Map<string, Place>();
  #bytes = 0;

  add({ family, check, half }: ChosenCheck): void {
    const { kernel, attributes, mutates = [] } = check;
    const at = this.#calls.length;
    const call: KernelCall = {
      kernel,
      attributes,
      inputs: check.inputs.map((operand, i) => {
        if (operand === undefined) return undefined;
        const { shape, dtype } = typeOf(operand, family);
        const place = this.#take(shape, half.inputs.includes(i), dtype);
        const name = `${kernel} ${at} input ${i}`;
        this.operands.push({ name, family, place, operand });
        return place;
      }),
      outputs: check.outputs.map((shape, i) =>
        shape && this.#take(shape, half.outputs.includes(i))
      ),
    };
    this.#calls.push(call);
    const compared = [...call.outputs, ...mutates.map((i) => call.inputs[i])];
    for (const [i, place] of compared.entries()) {
      if (place === undefined) continue;
      const name = `${kernel} ${at} result ${i}`;
      const key = resultKey(family, kernel, i);
      const isHalf = place.dtype === "f16";
      this.#outputs.set(name, place);
      this.results.push({ name, key, family, kernel, half: isHalf });
    }
  }

  plan(
    placeOf: (operand: { place: Place }) => Place,
    inputOf: (operand: { place: Place }) => Place,
  ): Plan {
    const changed = (place: Place | undefined) => place && placeOf({ place });
    return {
      label: "check of the kernels",
      arenaBytes: this.#bytes,
      memories: [],
      calls: this.#calls.map((call) => ({
        ...call,
        inputs: call.inputs.map(changed),
        outputs: call.outputs.map(changed),
      })),
      inputs: new Map(this.operands.map((one) => [one.name, inputOf(one)])),
      outputs: new Map(
        [...this.#outputs].map(([name, place]) => [name, placeOf({ place })]),
      ),
    };
  }

  #take(
    shape: readonly number[],
    half: boolean,
    type: Dtype = "f32",
  ): Place {
    const dtype = half ? "f16" : type;
    const place: Place = { block: 0, offset: this.#bytes, shape, dtype };
    this.#bytes += alignPlace(byteLength(shape));
    return place;
  }
}

function typeOf(
  operand: Operand,
  family: string,
): { shape: readonly number[]; dtype: Dtype } {
  if ("values" in operand) {
    return { shape: [operand.values.length], dtype: operand.dtype };
  }
  const shape = "shape" in operand
    ? operand.shape
    : kernelChecks.get(family)?.find(({ kernel }) => kernel === operand.kernel)
      ?.outputs[operand.result];
  return { shape: shape ?? [], dtype: "f32" };
}

function valuesOf(
  { operand, family }: FedOperand,
  seed: number,
  known: KnownResults,
): HostArray {
  if ("kernel" in operand) {
    const { kernel, result } = operand;
    return known.get(resultKey(family, kernel, result)) ?? new Float32Array();
  }
  if ("shape" in operand) return numbers(operand, seed);
  const { values, dtype } = operand;
  return dtype === "i32" ? Int32Array.from(values) : Float32Array.from(values);
}

/** Numbers without a pattern that a wrong index would not show. */
function numbers(
  { shape, positive }: Extract<Operand, { shape: unknown }>,
  seed: number,
): HostArray {
  return Float32Array.from({ length: byteLength(shape) / 4 }, (_, i) => {
    const value = Math.sin(12.9898 * (i + 1) + 78.233 * (seed + 1));
    return positive ? Math.abs(value) + 0.1 : value;
  });
}
