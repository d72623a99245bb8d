import { countOf } from "../../core/graph/graph.ts";
import { ops } from "../../core/ops/mod.ts";
import {
  alignPlace,
  byteLength,
  type Engine,
  type HalfOperands,
  type HostArray,
  type KernelCall,
  type Place,
  type Plan,
} from "../../kernels/engine.ts";
import type { KernelCase } from "./kernel_cases.ts";
import { casePlan, type Compare } from "./run_case.ts";
import { TOLERANCE } from "./tolerance.ts";

/** The plan of one call with operands stored as f16, and copies around it. */
export function halfPlan(plan: Plan, able: HalfOperands): Plan {
  const [call] = plan.calls;
  let arenaBytes = alignPlace(plan.arenaBytes);
  const before: KernelCall[] = [];
  const after: KernelCall[] = [];
  const stored = (place: Place): Place => {
    const half: Place = { ...place, offset: arenaBytes, dtype: "f16" };
    arenaBytes += alignPlace(byteLength(half.shape, half.dtype));
    return half;
  };
  const copy = (from: Place, to: Place): KernelCall => ({
    kernel: "copy",
    inputs: [from],
    outputs: [to],
    attributes: { count: countOf(from.shape) },
  });
  const inputs = call.inputs.map((place, i) => {
    if (!place || !able.inputs.includes(i)) return place;
    const half = stored(place);
    before.push(copy(place, half));
    return half;
  });
  const outputs = call.outputs.map((place, i) => {
    if (!place || !able.outputs.includes(i)) return place;
    const half = stored(place);
    after.push(copy(half, place));
    return half;
  });
  const calls = [...before, { ...call, inputs, outputs }, ...after];
  return { ...plan, arenaBytes, calls };
}

/** Runs one case with all operands as f16 that may be, and compares. */
export async function runHalfCase(
  engine: Engine,
  test: KernelCase,
  compare: Compare,
): Promise<void> {
  const able = engine.half!(test.op);
  const { plan, feeds } = casePlan(test);
  const rounded: Record<string, HostArray> = { ...feeds };
  for (const i of able.inputs) {
    const values = feeds[`input${i}`];
    if (values) {
      rounded[`input${i}`] = Float32Array.from(new Float16Array(values));
    }
  }
  const exact = test.inputs.map((_, i) => {
    const values = rounded[`input${i}`];
    return values && Float64Array.from(values);
  });
  const op = ops.get(test.op)!;
  const wanted = op.reference(exact, test.attributes);
  const program = await engine.compile(halfPlan(plan, able));
  try {
    const actual = await program.run(rounded);
    for (const [i, values] of wanted.entries()) {
      const what = `${test.op} ${JSON.stringify(test.attributes)} output ${i}`;
      const half = able.outputs.includes(i);
      const tolerance = half ? TOLERANCE.half : TOLERANCE.kernel;
      const floor = TOLERANCE.kernelFloor;
      compare(actual[`output${i}`], values, tolerance, what, floor);
    }
  } finally {
    program.close();
  }
}
