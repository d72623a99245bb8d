/**
 * Where the time of a plan goes, op by op.
 *
 * @module
 */

import type {
  CallTime,
  KernelCall,
  Plan,
  RunProfile,
} from "../../kernels/engine.ts";
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
  /** `busy` as a part of `PlanProfile.total`. */
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
  /** Milliseconds, the least of each call taken together. */
  readonly total: number;
  /** Milliseconds of a whole run, the median. */
  readonly median: number;
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
 * Profiles a plan over several runs.
 *
 * @param profile Runs the plan once; the first run is not counted.
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
  return summarise(plan, made);
}

/**
 * The least time of each call over several runs: what else the machine does
 * falls on some call in every run, but hardly on the same one in all.
 */
export function summarise(
  plan: Plan,
  runs: readonly RunProfile[],
): PlanProfile {
  const least = (pick: (run: RunProfile) => number) =>
    Math.min(...runs.map(pick));
  const times = plan.calls.map((_, i) => ({
    busy: least((run) => run.calls[i].busy),
    waiting: least((run) => run.calls[i].waiting),
  }));
  const outside = least(({ total, calls }) => total - sumOf(calls));
  const total = outside + sumOf(times);
  const calls = plan.calls.map((call, i): OpProfile => ({
    kernel: call.kernel,
    calls: 1,
    ...times[i],
    share: times[i].busy / total,
    ...costOf(call),
  }));
  const shaped = calls.map((call, i): OpProfile => ({
    ...call,
    shape: shapeOf(plan.calls[i]),
  }));
  const { waiting, flops } = calls.reduce(join);
  const totals = runs.map((run) => run.total).sort((a, b) => a - b);
  return {
    label: plan.label,
    total,
    median: totals[totals.length >> 1],
    waiting,
    outside,
    flops,
    ops: group(calls, ({ kernel }) => kernel),
    shapes: group(shaped, ({ kernel, shape }) => `${kernel} ${shape}`),
  };
}

function sumOf(calls: readonly CallTime[]): number {
  return calls.reduce((sum, { busy, waiting }) => sum + busy + waiting, 0);
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
