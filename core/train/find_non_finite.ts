/**
 * Finds the op that first gave a number that is none.
 *
 * @module
 */

import {
  alignPlace,
  type Engine,
  type HostArray,
  type KernelCall,
  type Memory,
  type Place,
  PLACE_ALIGNMENT,
  placeWithin,
  type Plan,
} from "../../kernels/engine.ts";
import { countOf } from "../graph/graph.ts";
import type { AdaptedModel } from "../models/adapted_model.ts";

/** Ops that change what outlives a run. */
const UPDATES = "adamw";

/**
 * Runs a plan once more, with a test of every op's results, and says where the
 * first NaN or infinity came from. The update is left out.
 *
 * @param inputs Those of the run that went wrong.
 * @returns A clause for a message, or undefined if every number is finite now.
 * @throws {DeviceError} If the engine fails.
 */
export async function findNonFinite(
  model: AdaptedModel,
  plan: Plan,
  inputs: Readonly<Record<string, HostArray>>,
): Promise<string | undefined> {
  for (const [name, values] of Object.entries(inputs)) {
    const bad = countBad(values);
    if (bad > 0) return `input ${name} has ${bad} such numbers`;
  }
  for (const call of await suspects(model.engine, plan, inputs)) {
    const found = await countIn(model.engine, plan, inputs, call);
    if (!found) continue;
    const { kernel, outputs } = plan.calls[call];
    const { index, bad, place } = found;
    const where = nearest(model, plan, call);
    const several = outputs.filter((output) => output).length > 1;
    const result = several ? `result ${index + 1},` : "result";
    return `the first of them came from op ${call + 1} of ` +
      `${plan.calls.length}, ${kernel}${where}: ${bad} of the ` +
      `${countOf(place.shape)} numbers of its ${result} [${place.shape}]`;
  }
  return undefined;
}

/** Calls whose results have no finite norm, in order. */
async function suspects(
  engine: Engine,
  plan: Plan,
  inputs: Readonly<Record<string, HostArray>>,
): Promise<number[]> {
  const tested = plan.calls.map(({ kernel, outputs }) =>
    kernel === UPDATES
      ? []
      : outputs.filter((place) => place && place.dtype !== "i32")
  );
  const count = tested.flat().length;
  const { arena, place } = withTail(engine, plan, count * PLACE_ALIGNMENT);
  const calls: KernelCall[] = [];
  const owners: number[] = [];
  for (const [index, call] of plan.calls.entries()) {
    if (call.kernel === UPDATES) continue;
    calls.push(call);
    for (const output of tested[index]) {
      if (!output) continue;
      const offset = place.offset + owners.length * PLACE_ALIGNMENT;
      calls.push({
        kernel: "global_norm",
        inputs: [output],
        outputs: [{ ...place, offset, shape: [1] }],
        attributes: { count: countOf(output.shape) },
      });
      owners.push(index);
    }
  }
  const { norms } = await runOnce(engine, {
    ...plan,
    label: `check of the ${plan.label}`,
    arenaBytes: arena,
    calls,
    outputs: new Map([["norms", place]]),
  }, inputs);
  const stride = PLACE_ALIGNMENT / 4;
  const bad = owners.filter((_, i) => !Number.isFinite(norms[i * stride]));
  return [...new Set(bad)];
}

/** The arena with room for a tensor behind it. */
function withTail(
  { limits }: Engine,
  { arenaBytes }: Plan,
  bytes: number,
): { arena: number; place: Place } {
  const offset = placeWithin(alignPlace(arenaBytes), bytes, limits.bufferBytes);
  const place: Place = { block: 0, offset, shape: [bytes / 4], dtype: "f32" };
  return { arena: offset + bytes, place };
}

/** Runs up to a call, and counts in its results. */
async function countIn(
  engine: Engine,
  plan: Plan,
  inputs: Readonly<Record<string, HostArray>>,
  call: number,
): Promise<{ index: number; bad: number; place: Place } | undefined> {
  const calls = plan.calls.slice(0, call + 1)
    .filter(({ kernel }) => kernel !== UPDATES);
  const places = plan.calls[call].outputs;
  const outputs = new Map(
    places.flatMap((place, i) => place ? [[`${i}`, place]] : []),
  );
  const results = await runOnce(engine, { ...plan, calls, outputs }, inputs);
  for (const [index, place] of places.entries()) {
    const bad = place ? countBad(results[`${index}`]) : 0;
    if (place && bad > 0) return { index, bad, place };
  }
  return undefined;
}

async function runOnce(
  engine: Engine,
  plan: Plan,
  inputs: Readonly<Record<string, HostArray>>,
): Promise<Record<string, HostArray>> {
  const program = await engine.compile(plan);
  try {
    return await program.run(inputs);
  } finally {
    program.close();
  }
}

/** The stored tensor that the call reads, or the last that a call before did. */
function nearest(model: AdaptedModel, plan: Plan, call: number): string {
  const names = new Map<Memory, Map<number, string>>();
  for (const [name, { region, offset }] of model.slots) {
    const memory = model.memories.get(region);
    if (!memory) continue;
    const slots = names.get(memory) ?? new Map<number, string>();
    names.set(memory, slots.set(offset, name));
  }
  for (let i = call; i >= 0; i--) {
    for (const place of plan.calls[i].inputs) {
      if (!place || place.block === 0) continue;
      const memory = plan.memories[place.block - 1];
      const name = names.get(memory)?.get(place.offset);
      if (name) return i === call ? ` with ${name}` : ` after ${name}`;
    }
  }
  return "";
}

function countBad(values: HostArray): number {
  let bad = 0;
  for (const value of values) if (!Number.isFinite(value)) bad++;
  return bad;
}
