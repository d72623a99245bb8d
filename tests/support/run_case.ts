import { Graph } from "../../core/graph/graph.ts";
import { plan } from "../../core/graph/plan.ts";
import { ops } from "../../core/ops/mod.ts";
import type { Engine, HostArray, Plan } from "../../kernels/engine.ts";
import { fillCase } from "./fill.ts";
import type { KernelCase } from "./kernel_cases.ts";
import type { Numbers } from "./relative_error.ts";
import { TOLERANCE } from "./tolerance.ts";

/** Judges a result; `assertClose` is one. */
export type Compare = (
  actual: Numbers,
  wanted: Numbers,
  tolerance: number,
  what: string,
  floor: number,
) => void;

/** The plan of a case, and what to feed it. */
export function casePlan(
  test: KernelCase,
  only?: number,
): { plan: Plan; feeds: Record<string, HostArray> } {
  const op = opOf(test);
  const graph = new Graph();
  const feeds: Record<string, HostArray> = {};
  const inputs = fillCase(test).map((array, i) => {
    if (!array) return undefined;
    feeds[`input${i}`] = array;
    const dtype = array instanceof Int32Array ? "i32" : "f32";
    return graph.input(`input${i}`, test.inputs[i]?.shape ?? [], dtype);
  });
  const results = graph.apply(op, inputs, test.attributes);
  const outputs = Object.fromEntries([
    ...results.map((value, i) => [`output${i}`, value] as const)
      .filter((_, i) => only === undefined || i === only),
    ...(op.mutates ?? []).map((i) => [`input${i}`, inputs[i]!] as const),
  ]);
  const label = labelOf(test);
  return { plan: plan({ label, graph, outputs, memories: new Map() }), feeds };
}

/** Runs one case and compares every result; `only` leaves out the others. */
export async function runCase(
  engine: Engine,
  test: KernelCase,
  compare: Compare,
  only?: number,
): Promise<void> {
  const op = opOf(test);
  const label = labelOf(test);
  const { plan, feeds } = casePlan(test, only);
  const program = await engine.compile(plan);
  const exact = fillCase(test)
    .map((array) => array && Float64Array.from(array));
  const wanted = op.reference(exact, test.attributes);
  const large = test.inputs.some((input) => input?.kind === "large");
  const tolerance = large && test.op === "attention"
    ? TOLERANCE.largeScores
    : TOLERANCE.kernel;
  const floor = TOLERANCE.kernelFloor;
  try {
    // Twice, so that a result that depends on stale memory shows.
    for (let repeat = 0; repeat < 2; repeat++) {
      const actual = await program.run(feeds);
      for (const [i, values] of wanted.entries()) {
        if (only !== undefined && i !== only) continue;
        const what = `${label} output ${i}`;
        compare(actual[`output${i}`], values, tolerance, what, floor);
      }
      for (const i of op.mutates ?? []) {
        const what = `${label} input ${i}`;
        compare(actual[`input${i}`], exact[i]!, tolerance, what, floor);
      }
    }
  } finally {
    program.close();
  }
}

function labelOf({ op, attributes }: KernelCase): string {
  return `${op} ${JSON.stringify(attributes)}`;
}

function opOf(test: KernelCase) {
  const op = ops.get(test.op);
  if (!op) throw new TypeError(`Cannot run a case: got op ${test.op}`);
  return op;
}
