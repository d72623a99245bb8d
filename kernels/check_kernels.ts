/**
 * Compares kernels of an engine with those of another one, to tell a driver
 * that computes wrong numbers from a good one.
 *
 * @module
 */

import type { CheckBudget } from "./check_budget.ts";
import {
  CheckPlan,
  type ChosenCheck,
  type ComparedResult,
  type KnownResults,
} from "./check_plan.ts";
import {
  DeviceError,
  type Engine,
  type HostArray,
  type Plan,
} from "./engine.ts";
import { kernelChecks, LONG_ATTENTION } from "./kernel_checks.ts";
import { type CostedUse, everyUse, type KernelUse } from "./kernel_use.ts";

/**
 * The largest difference of a result, relative to its largest number: two
 * float32 kernels are within 1e-5 of each other, a wrong one is far outside. A
 * result that is stored as f16 is rounded by up to 5e-4.
 */
const TOLERANCE = 1e-4;
const HALF_TOLERANCE = 1e-3;

/** What a device that fails is good for, and whom to tell. */
const HINT = "--device cpu computes without it; please report this line with " +
  "what `deno task alore doctor --json` prints";

/**
 * Runs small uses of kernels on both engines: of all in float32 unless told
 * otherwise. They are compiled for the first while the second still opens.
 *
 * @throws {DeviceError} If a kernel is refused or gives other numbers; the
 * message names the families and the device.
 */
export async function checkKernels(
  engine: Engine,
  reference: Engine | Promise<Engine>,
  uses: readonly KernelUse[] = everyUse(),
): Promise<void> {
  await compare(engine, [await compute(engine, reference, uses)]);
}

/**
 * Does the same use by use, in their order, until a budget allows no more. Their
 * results are awaited together, because each would take 10 ms on Deno.
 *
 * @returns The uses that were tried.
 * @throws {DeviceError} As {@linkcode checkKernels} does.
 */
export async function checkKernelsWithin(
  budget: CheckBudget,
  engine: Engine,
  reference: Engine | Promise<Engine>,
  uses: readonly CostedUse[],
): Promise<readonly KernelUse[]> {
  const computed: Computed[] = [];
  for (const use of uses) {
    if (!budget.allows(use.cost)) break;
    computed.push(await compute(engine, reference, [use]));
  }
  await compare(engine, computed);
  return uses.slice(0, computed.length);
}

/** What both engines computed. */
interface Computed {
  readonly results: readonly ComparedResult[];
  /** On its way from the device. */
  readonly found: Promise<Readonly<Record<string, HostArray>>>;
  readonly wanted: Readonly<Record<string, HostArray>>;
}

async function compute(
  engine: Engine,
  reference: Engine | Promise<Engine>,
  uses: readonly KernelUse[],
): Promise<Computed> {
  const chosen = uses.flatMap(checksOf);
  const checks = new CheckPlan(chosen);
  const compiling = guarded(engine, () => engine.compile(checks.plan));
  compiling.catch(() => {});
  const right = await reference;
  const feeds = checks.feeds(await knownResults(right, chosen));
  const program = await compiling;
  const found = guarded(engine, () => program.run(feeds.device))
    .finally(() => program.close());
  found.catch(() => {});
  const wanted = await runOnce(right, checks.reference, feeds.reference);
  await engine.computed?.();
  return { results: checks.results, found, wanted };
}

/** The checks of a use. */
function checksOf({ kernel, long, half }: KernelUse): ChosenCheck[] {
  return [...kernelChecks].filter(([family]) =>
    long === (family === LONG_ATTENTION)
  ).flatMap(([family, checks]) =>
    checks.filter((check) => check.kernel === kernel)
      .map((check) => ({ family, check, half }))
  );
}

/** What checks take of other kernels' results, by the reference. */
async function knownResults(
  reference: Engine,
  chosen: readonly ChosenCheck[],
): Promise<KnownResults> {
  const needed = chosen.flatMap(({ family, check }) =>
    check.inputs.flatMap((operand) =>
      operand && "kernel" in operand
        ? kernelChecks.get(family)?.find(({ kernel }) =>
          kernel === operand.kernel
        ) ?? []
        : []
    ).map((check) => ({ family, check, half: { inputs: [], outputs: [] } }))
  );
  const distinct = new Map(needed.map((one) => [one.check, one]));
  if (distinct.size === 0) return new Map();
  const plan = new CheckPlan([...distinct.values()]);
  const found = await runOnce(
    reference,
    plan.reference,
    plan.feeds(new Map()).reference,
  );
  return new Map(plan.results.map(({ key, name }) => [key, found[name]]));
}

async function compare(
  engine: Engine,
  computed: readonly Computed[],
): Promise<void> {
  const wrong = new Map<string, string>();
  for (const { results, found: coming, wanted } of computed) {
    const found = await coming;
    for (const { name, family, kernel, half } of results) {
      const difference = differenceOf(found[name], wanted[name]);
      const tolerance = half ? HALF_TOLERANCE : TOLERANCE;
      if (difference <= tolerance || wrong.has(family)) continue;
      const stored = half ? ", stored as f16," : "";
      wrong.set(
        family,
        `${kernel}${stored} is off by ${difference.toExponential(1)}`,
      );
    }
  }
  if (wrong.size === 0) return;
  const lines = [...wrong].map(([family, what]) => `${family} (${what})`);
  throw failure(
    engine,
    `got wrong numbers from the kernels of these families: ` +
      `${lines.join(", ")}; wanted those of the cpu engine`,
  );
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

async function guarded<T>(engine: Engine, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    throw failure(engine, error.message, error);
  }
}

function failure(
  { description }: Engine,
  what: string,
  cause?: DeviceError,
): DeviceError {
  const message = `Cannot trust the device ${description}: ${what}`;
  return Object.assign(new DeviceError(message, { cause }), { hint: HINT });
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
