/**
 * Compares kernels of an engine with those of another one, to tell a driver
 * that computes wrong numbers from a good one.
 *
 * @module
 */

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
import { ATTENTION_ROWS, kernelChecks } from "./kernel_checks.ts";
import { everyUse, type KernelUse } from "./kernel_use.ts";

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
  const chosen = uses.flatMap(checksOf);
  const checks = new CheckPlan(chosen);
  const compiling = guarded(engine, () => engine.compile(checks.plan));
  compiling.catch(() => {});
  const right = await reference;
  const feeds = checks.feeds(await knownResults(right, chosen));
  const program = await compiling;
  try {
    const running = guarded(engine, () => program.run(feeds.device));
    running.catch(() => {});
    const wanted = await runOnce(right, checks.reference, feeds.reference);
    compare(engine, checks.results, await running, wanted);
  } finally {
    program.close();
  }
}

/** The checks of a use. */
function checksOf({ kernel, rows, half }: KernelUse): ChosenCheck[] {
  return [...kernelChecks].filter(([family]) =>
    rows === (family === ATTENTION_ROWS)
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

function compare(
  engine: Engine,
  results: readonly ComparedResult[],
  found: Readonly<Record<string, HostArray>>,
  wanted: Readonly<Record<string, HostArray>>,
): void {
  const wrong = new Map<string, string>();
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
