/**
 * Measures the variants of a matrix product on an adapter.
 *
 * @module
 */

import {
  DeviceError,
  type Engine,
  PLACE_ALIGNMENT,
  type Program,
} from "../engine.ts";
import type { AdapterClass } from "./kernel.ts";
import {
  candidateVariants,
  type ChooseMatmul,
  type MatmulVariant,
  parseMatmulKey,
  variantName,
} from "./matmul_variant.ts";
import { checkEqual, checkLines, type Reference } from "./tune_check.ts";
import { Operands } from "./tune_operands.ts";

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
  /** Floating-point operations of one product. */
  readonly flops: number;
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
  /** A WebGPU engine. */
  readonly engine: Engine;
  /** Of the engine. */
  readonly choose: ChooseMatmul;
  /** Its adapter. */
  readonly adapter: AdapterClass;
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
 * Finds the fastest variant of a product and has the engine take it; if that
 * fails, it takes the rule's.
 *
 * @param key As `matmulKey` writes it.
 * @throws {TypeError} If it is no product's.
 * @throws {DeviceError} If the device fails, or the rule's own variant computes
 * something else than the reference.
 * @throws {RangeError} If the operands do not fit into the device.
 */
export async function tuneMatmul(
  tuner: Tuner,
  key: string,
): Promise<TunedShape> {
  const shape = parseMatmulKey(key);
  if (!shape) {
    throw new TypeError(
      `Cannot tune a matrix product: got ${JSON.stringify(key)}, wanted its ` +
        "key, such as 2080x768x192 nt bias gelu",
    );
  }
  using operands = new Operands(tuner.engine, shape);
  const [first, ...others] = candidateVariants(shape, tuner.adapter);
  const entrants: Entrant[] = [];
  const wrong: string[] = [];
  try {
    const expected = await race(tuner, operands, key, first, entrants);
    const { call, inputs } = operands;
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
    const flops = 2 * shape.m * shape.n * shape.k;
    const rate = ({ variant, time }: Entrant): MeasuredVariant => ({
      variant,
      rate: flops / time / 1e6,
    });
    tuner.choose(key, best.variant);
    return {
      key,
      flops,
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
  { engine, choose }: Tuner,
  operands: Operands,
  key: string,
  variant: MatmulVariant,
  entrants: Entrant[],
): Promise<Float32Array[]> {
  choose(key, variant);
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
    choose(key, undefined);
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
