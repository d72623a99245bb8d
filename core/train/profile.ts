/**
 * Where the time of a plan goes, op by op.
 *
 * @module
 */

import type { KernelCall, Plan, RunProfile } from "../../kernels/engine.ts";
import { costOf } from "../ops/cost.ts";

/** What the calls of one kind took in one run. */
export interface OpProfile {
  /** The op. */
  readonly kernel: string;
  /** What these calls have in common; only where they are told apart by it. */
  readonly shape?: string;
  /** How many they are. */
  readonly calls: number;
  /** Milliseconds in their kernels. */
  readonly busy: number;
  /** Milliseconds in which threads waited for each other. */
  readonly waiting: number;
  /** `busy` as a part of the whole run. */
  readonly share: number;
  /** Operations; see `costOf`. */
  readonly flops: number;
  /** Bytes read and written; see `costOf`. */
  readonly bytes: number;
}

/** Where the time of one run of a plan goes. */
export interface PlanProfile {
  /** What was run. */
  readonly label: string;
  /** Milliseconds of the whole run. */
  readonly total: number;
  /** Milliseconds in which threads waited for each other. */
  readonly waiting: number;
  /** Milliseconds before, between and after the kernels. */
  readonly outside: number;
  /** Operations of the whole run. */
  readonly flops: number;
  /** One of each op, the longest first. */
  readonly ops: readonly OpProfile[];
  /** One of each op and shape, the longest first. */
  readonly shapes: readonly OpProfile[];
}

/**
 * Profiles a plan: means over the faster half of its runs, so that whatever
 * else the machine does counts little and the parts still add up.
 *
 * @param profile Runs the plan once.
 * @param runs At least 1.
 */
export async function profilePlan(
  plan: Plan,
  profile: () => Promise<RunProfile>,
  runs: number,
): Promise<PlanProfile> {
  await profile();
  const made: RunProfile[] = [];
  for (let run = 0; run < runs; run++) made.push(await profile());
  const half = made.toSorted((a, b) => a.total - b.total)
    .slice(0, Math.ceil(runs / 2));
  return summarise(plan, half);
}

/** The mean of several runs of a plan. */
export function summarise(
  plan: Plan,
  runs: readonly RunProfile[],
): PlanProfile {
  const mean = (pick: (run: RunProfile) => number) =>
    runs.reduce((sum, run) => sum + pick(run), 0) / runs.length;
  const total = mean((run) => run.total);
  const calls = plan.calls.map((call, i): OpProfile => {
    const busy = mean((run) => run.calls[i].busy);
    return {
      kernel: call.kernel,
      calls: 1,
      busy,
      waiting: mean((run) => run.calls[i].waiting),
      share: busy / total,
      ...costOf(call),
    };
  });
  const shaped = calls.map((call, i): OpProfile => ({
    ...call,
    shape: shapeOf(plan.calls[i]),
  }));
  const all = calls.reduce(join);
  return {
    label: plan.label,
    total,
    waiting: all.waiting,
    outside: total - all.busy - all.waiting,
    flops: all.flops,
    ops: group(calls, ({ kernel }) => kernel),
    shapes: group(shaped, ({ kernel, shape }) => `${kernel} ${shape}`),
  };
}

function group(
  calls: readonly OpProfile[],
  keyOf: (call: OpProfile) => string,
): OpProfile[] {
  const groups = new Map<string, OpProfile>();
  for (const call of calls) {
    const before = groups.get(keyOf(call));
    groups.set(keyOf(call), before ? join(before, call) : call);
  }
  return [...groups.values()].sort((a, b) => b.busy - a.busy);
}

function join(a: OpProfile, b: OpProfile): OpProfile {
  return {
    ...a,
    calls: a.calls + b.calls,
    busy: a.busy + b.busy,
    waiting: a.waiting + b.waiting,
    share: a.share + b.share,
    flops: a.flops + b.flops,
    bytes: a.bytes + b.bytes,
  };
}

/** "m 2080, n 576, k 192, transB 1; 3 in, 1 out"; zeros are left out. */
function shapeOf({ attributes, inputs, outputs }: KernelCall): string {
  const sizes = Object.entries(attributes)
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => `${name} ${value}`);
  const there = (places: readonly unknown[]) => places.filter(Boolean).length;
  return `${sizes.join(", ")}; ${there(inputs)} in, ${there(outputs)} out`;
}
