/**
 * Compares every kernel of an engine with that of another one, to tell a
 * driver that computes wrong numbers from a good one.
 *
 * @module
 */

import {
  alignPlace,
  byteLength,
  DeviceError,
  type Engine,
  type HostArray,
  type KernelCall,
  type Place,
  type Plan,
} from "./engine.ts";
import {
  type KernelCheck,
  kernelChecks,
  type Operand,
} from "./kernel_checks.ts";

/**
 * The largest difference of a result, relative to its largest number: two
 * float32 kernels are within 1e-5 of each other, a wrong one is far outside.
 */
const TOLERANCE = 1e-4;

/** What a device that fails is good for, and whom to tell. */
const HINT = "--device cpu computes without it; please report this line with " +
  "what `deno task alore doctor --json` prints";

/**
 * Runs small uses of every kernel on both engines.
 *
 * @throws {DeviceError} If a kernel is refused or gives other numbers; the
 * message names the families and the device.
 */
export async function checkKernels(
  engine: Engine,
  reference: Engine,
): Promise<void> {
  const { plan, feeds, families } = planChecks();
  let results: Record<string, HostArray>;
  try {
    results = await runOnce(engine, plan, feeds);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    throw failure(engine, error.message, error);
  }
  const wanted = await runOnce(reference, plan, feeds);
  const wrong = new Map<string, string>();
  for (const [name, family] of families) {
    const difference = differenceOf(results[name], wanted[name]);
    if (difference <= TOLERANCE || wrong.has(family)) continue;
    const kernel = name.split(" ")[0];
    wrong.set(family, `${kernel} is off by ${difference.toExponential(1)}`);
  }
  if (wrong.size === 0) return;
  const found = [...wrong].map(([family, what]) => `${family} (${what})`);
  throw failure(
    engine,
    `got wrong numbers from the kernels of these families: ` +
      `${found.join(", ")}; wanted those of the cpu engine`,
  );
}

function failure(
  { description }: Engine,
  what: string,
  cause?: DeviceError,
): DeviceError {
  const message = `Cannot trust the device ${description}: ${what}`;
  return Object.assign(new DeviceError(message, { cause }), { hint: HINT });
}

/** NaN is the largest of all. */
function differenceOf(actual: HostArray, wanted: HostArray): number {
  let [most, largest] = [0, 1e-2];
  for (const [i, value] of wanted.entries()) {
    const difference = Math.abs(actual[i] - value);
    if (Number.isNaN(difference)) return Infinity;
    most = Math.max(most, difference);
    largest = Math.max(largest, Math.abs(value));
  }
  return most / largest;
}

async function runOnce(
  engine: Engine,
  plan: Plan,
  feeds: Readonly<Record<string, HostArray>>,
): Promise<Record<string, HostArray>> {
  const program = await engine.compile(plan);
  try {
    return await program.run(feeds);
  } finally {
    program.close();
  }
}

/** All checks as one plan, and the family of each of its outputs. */
function planChecks(): {
  plan: Plan;
  feeds: Record<string, HostArray>;
  families: Map<string, string>;
} {
  const builder = new Builder();
  const families = new Map<string, string>();
  for (const [family, checks] of kernelChecks) {
    for (const check of checks) {
      for (const name of builder.add(check)) families.set(name, family);
    }
  }
  const { bytes, calls, inputs, outputs, feeds } = builder;
  const plan = {
    label: "check of the kernels",
    arenaBytes: bytes,
    memories: [],
    calls,
    inputs,
    outputs,
  };
  return { plan, feeds, families };
}

/** Lays out operands one after the other. */
class Builder {
  readonly calls: KernelCall[] = [];
  readonly inputs = new Map<string, Place>();
  readonly outputs = new Map<string, Place>();
  readonly feeds: Record<string, HostArray> = {};
  bytes = 0;

  /** Adds a call; the names of what is to be compared. */
  add({ kernel, attributes, inputs, outputs, mutates }: KernelCheck): string[] {
    const at = this.calls.length;
    const call: KernelCall = {
      kernel,
      attributes,
      inputs: inputs.map((input, i) =>
        input && this.#operand(input, `${kernel} ${at} input ${i}`)
      ),
      outputs: outputs.map((shape) => shape && this.#take(shape, "f32")),
    };
    this.calls.push(call);
    const compared = [
      ...call.outputs,
      ...(mutates ?? []).map((i) => call.inputs[i]),
    ];
    return compared.flatMap((place, i) => {
      if (!place) return [];
      const name = `${kernel} ${at} result ${i}`;
      this.outputs.set(name, place);
      return [name];
    });
  }

  #operand(operand: Operand, name: string): Place {
    if ("kernel" in operand) {
      const { kernel, result } = operand;
      const call = this.calls.findLast((other) => other.kernel === kernel);
      return call?.outputs[result] as Place;
    }
    const values = "values" in operand ? hostArray(operand) : numbers(operand, {
      seed: this.inputs.size,
    });
    const shape = "shape" in operand ? operand.shape : [values.length];
    const dtype = values instanceof Int32Array ? "i32" : "f32";
    const place = this.#take(shape, dtype);
    this.inputs.set(name, place);
    this.feeds[name] = values;
    return place;
  }

  #take(shape: readonly number[], dtype: Place["dtype"]): Place {
    const place = { block: 0, offset: this.bytes, shape, dtype };
    this.bytes += alignPlace(byteLength(shape));
    return place;
  }
}

function hostArray(
  { values, dtype }: Extract<Operand, { values: unknown }>,
): HostArray {
  return dtype === "i32" ? Int32Array.from(values) : Float32Array.from(values);
}

/** Numbers without a pattern that a wrong index would not show. */
function numbers(
  { shape, positive }: Extract<Operand, { shape: unknown }>,
  { seed }: { seed: number },
): HostArray {
  return Float32Array.from({ length: byteLength(shape) / 4 }, (_, i) => {
    const value = Math.sin(12.9898 * (i + 1) + 78.233 * (seed + 1));
    return positive ? Math.abs(value) + 0.1 : value;
  });
}
