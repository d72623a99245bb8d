/**
 * Measures the variants of a matrix product on an adapter.
 *
 * @module
 */

import {
  alignPlace,
  byteLength,
  DeviceError,
  type Engine,
  type KernelCall,
  type Memory,
  type Place,
  PLACE_ALIGNMENT,
  type Program,
} from "../engine.ts";
import {
  candidateVariants,
  matmulKey,
  matmulShape,
  type MatmulVariant,
  variantName,
} from "./matmul_variant.ts";
import { checkEqual, checkLines, type Reference } from "./tune_check.ts";

/** A variant and how fast it is. */
export interface MeasuredVariant {
  readonly variant: MatmulVariant;
  /** GFLOP/s. */
  readonly rate: number;
}

/** What tuning one shape found. */
export interface TunedShape {
  /** As `matmulKey` writes it. */
  readonly key: string;
  /** What is taken without a table. */
  readonly rule: MeasuredVariant;
  /** The fastest that is right; the rule's unless another is clearly faster. */
  readonly best: MeasuredVariant;
  /** Variants that were measured. */
  readonly tried: number;
  /** Variants that computed something else. */
  readonly wrong: readonly string[];
}

/** What tuning works with. */
export interface Tuner {
  /** A WebGPU engine that was opened with `tuned: choices`. */
  readonly engine: Engine;
  /** Is written to. */
  readonly choices: Map<string, MatmulVariant>;
  /** Whether the adapter computes on the processor. */
  readonly software: boolean;
  /** Of the op. */
  readonly reference: Reference;
}

/** Another variant must be faster by this factor, or noise decides. */
const CLEARLY_FASTER = 1.03;

/** A variant so much slower than the best yet is not measured again. */
const HOPELESS = 1.5;

/** Milliseconds that a measurement should last, and the most repetitions. */
const LONG_ENOUGH = 4;
const MOST_CALLS = 64;

/** Measurements of a candidate, and then of the finalists in turn. */
const RUNS = 2;
const FINAL_RUNS = 3;

/**
 * Finds the fastest variant of a call and writes it into the choices.
 *
 * @throws {DeviceError} If the device fails, or the rule's own variant computes
 * something else than the reference.
 * @throws {RangeError} If the operands do not fit into the device.
 */
export async function tuneMatmul(
  tuner: Tuner,
  call: KernelCall,
): Promise<TunedShape> {
  const shape = matmulShape(call);
  const key = matmulKey(shape);
  using operands = new Operands(tuner.engine, call);
  const [first, ...others] = candidateVariants(shape, tuner);
  const entrants: Entrant[] = [];
  const wrong: string[] = [];
  try {
    const expected = await race(tuner, operands, key, first, entrants);
    const { inputs } = operands;
    const failure = checkLines(call, inputs, expected, tuner.reference);
    if (failure) {
      throw new DeviceError(
        `Cannot tune ${key}: the adapter computes ${failure} with ` +
          variantName(first),
      );
    }
    for (const variant of others) {
      const found = await race(tuner, operands, key, variant, entrants);
      if (!checkEqual(call, found, expected)) continue;
      wrong.push(variantName(variant));
      entrants.pop()?.program.close();
    }
    const best = await finish(entrants);
    const rate = ({ variant, time }: Entrant): MeasuredVariant => ({
      variant,
      rate: 2 * shape.m * shape.n * shape.k / time / 1e6,
    });
    tuner.choices.set(key, best.variant);
    return {
      key,
      rule: rate(entrants[0]),
      best: rate(best),
      tried: entrants.length,
      wrong,
    };
  } finally {
    for (const { program } of entrants) program.close();
  }
}

interface Entrant {
  readonly variant: MatmulVariant;
  readonly program: Program;
  /** Calls in the program. */
  readonly calls: number;
  /** Milliseconds of a call, the least. */
  time: number;
}

/** Enters a variant and measures it; what it computed. */
async function race(
  { engine, choices }: Tuner,
  operands: Operands,
  key: string,
  variant: MatmulVariant,
  entrants: Entrant[],
): Promise<Float32Array[]> {
  const before = choices.get(key);
  choices.set(key, variant);
  try {
    operands.spoil();
    let entrant = await enter(engine, operands, variant, 1);
    const results = await operands.results();
    await measure(entrant, 1);
    const calls = Math.min(
      MOST_CALLS,
      Math.ceil(LONG_ENOUGH / Math.max(entrant.time, 1e-3)),
    );
    if (calls > 1) {
      entrant.program.close();
      entrant = await enter(engine, operands, variant, calls);
    }
    entrants.push(entrant);
    const best = Math.min(...entrants.map(({ time }) => time));
    if (entrant.time <= HOPELESS * best) await measure(entrant, RUNS);
    return results;
  } finally {
    if (before) choices.set(key, before);
    else choices.delete(key);
  }
}

/** Compiles a variant and runs it once. */
async function enter(
  engine: Engine,
  operands: Operands,
  variant: MatmulVariant,
  calls: number,
): Promise<Entrant> {
  const program = await engine.compile({
    label: `matrix product by ${variantName(variant)}`,
    arenaBytes: PLACE_ALIGNMENT,
    memories: [operands.memory],
    calls: Array.from({ length: calls }, () => operands.call),
    inputs: new Map(),
    outputs: new Map(),
  });
  await program.run({});
  return { variant, program, calls, time: Infinity };
}

/** Keeps the least time of some runs, by the device's clock if it has one. */
async function measure(entrant: Entrant, runs: number): Promise<void> {
  const { program, calls } = entrant;
  for (let run = 0; run < runs; run++) {
    const started = performance.now();
    let time: number;
    if (program.profile) {
      const profile = await program.profile({});
      time = profile.calls.reduce((sum, { busy }) => sum + busy, 0);
    } else {
      await program.run({});
      time = performance.now() - started;
    }
    entrant.time = Math.min(entrant.time, time / calls);
  }
}

/** Measures those in front and the rule's again, in turn; the winner. */
async function finish(entrants: readonly Entrant[]): Promise<Entrant> {
  const [rule] = entrants;
  const others = entrants.slice(1).sort((a, b) => a.time - b.time).slice(0, 2);
  for (let run = 0; run < FINAL_RUNS; run++) {
    for (const entrant of [rule, ...others]) await measure(entrant, 1);
  }
  const [fastest] = others.toSorted((a, b) => a.time - b.time);
  return fastest && fastest.time * CLEARLY_FASTER < rule.time ? fastest : rule;
}

/** A call's operands and results in a memory of their own. */
export class Operands {
  readonly call: KernelCall;
  readonly memory: Memory;
  /** The numbers of the inputs. */
  readonly inputs: readonly (Float32Array<ArrayBuffer> | undefined)[];

  constructor(engine: Engine, call: KernelCall) {
    let bytes = 0;
    const place = (old: Place | undefined): Place | undefined => {
      if (old === undefined) return undefined;
      const offset = bytes;
      bytes += alignPlace(byteLength(old.shape));
      return { ...old, block: 1, offset };
    };
    const inputs = call.inputs.map(place);
    const outputs = call.outputs.map(place);
    this.call = { ...call, inputs, outputs };
    this.memory = engine.allocate(bytes, "operands of a matrix product");
    this.inputs = inputs.map((input, i) => {
      if (input === undefined) return undefined;
      const numbers = noise(byteLength(input.shape) / 4, i + 1);
      this.memory.write(numbers, input.offset);
      return numbers;
    });
  }

  /** Spoils the results, so that old ones are not taken for new ones. */
  spoil(): void {
    for (const place of this.call.outputs) {
      if (place === undefined) continue;
      const count = byteLength(place.shape) / 4;
      this.memory.write(new Float32Array(count).fill(1e30), place.offset);
    }
  }

  /** What the last run made. */
  async results(): Promise<Float32Array[]> {
    const results: Float32Array[] = [];
    for (const place of this.call.outputs) {
      if (place === undefined) continue;
      const bytes = byteLength(place.shape);
      const buffer = await this.memory.read(place.offset, bytes);
      results.push(new Float32Array(buffer));
    }
    return results;
  }

  [Symbol.dispose](): void {
    this.memory.close();
  }
}

/** Numbers between -1 and 1 that look random (xorshift32, Marsaglia 2003). */
function noise(count: number, seed: number): Float32Array<ArrayBuffer> {
  const numbers = new Float32Array(count);
  let state = Math.imul(seed, 0x9e3779b1);
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    numbers[i] = state / 2 ** 31;
  }
  return numbers;
}
