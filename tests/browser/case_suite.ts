import { ops } from "../../core/ops/mod.ts";
import type { Engine } from "../../kernels/engine.ts";
import { type KernelCase, kernelCases } from "../support/kernel_cases.ts";
import { relativeError } from "../support/relative_error.ts";
import { type Compare, runCase } from "../support/run_case.ts";
import type { Report } from "./report.ts";

/** Cases of an op that run, and the numbers they may have. */
const CASES = 4;
const NUMBERS = 20_000;

/** Some cases of every op against the references; a line for each op. */
export async function caseSuite(
  engine: Engine,
  report: Report,
): Promise<void> {
  for (const op of ops.keys()) {
    const problems: string[] = [];
    let worst = 0;
    const compare: Compare = (actual, wanted, tolerance, what, floor) => {
      const error = relativeError(actual, wanted, floor);
      worst = Math.max(worst, error);
      if (!(error <= tolerance)) {
        problems.push(`${what}: ${error.toExponential(1)}`);
      }
    };
    const cases = someCases(op);
    try {
      for (const test of cases) await runCase(engine, test, compare);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
    await report({
      passed: problems.length === 0,
      name: `run ${op}`,
      detail: problems.join("; ") ||
        `${cases.length} cases, error ${worst.toExponential(1)}`,
    });
  }
}

/** Evenly from the smallest to the largest that do not take long. */
function someCases(op: string): KernelCase[] {
  const cases = kernelCases.filter((test) => test.op === op)
    .map((test) => ({ test, numbers: numbersOf(test) }))
    .filter(({ numbers }) => numbers <= NUMBERS)
    .sort((a, b) => a.numbers - b.numbers);
  const step = (cases.length - 1) / (CASES - 1);
  const chosen = Array.from({ length: CASES }, (_, i) => Math.round(i * step));
  return [...new Set(chosen)].map((i) => cases[i].test);
}

function numbersOf({ inputs }: KernelCase): number {
  return inputs.reduce(
    (sum, input) =>
      sum + (input ? input.shape.reduce((all, size) => all * size, 1) : 0),
    0,
  );
}
