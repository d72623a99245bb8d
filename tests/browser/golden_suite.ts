import { parseSafetensors } from "../../core/weights/safetensors.ts";
import type { Engine } from "../../kernels/engine.ts";
import { runGoldenFile } from "../golden/golden_case.ts";
import { type Report, worstErrors } from "./report.ts";

/** Runs the golden cases at some addresses; a line for each. */
export async function goldenSuite(
  engine: Engine,
  cases: readonly string[],
  report: Report,
): Promise<void> {
  for (const name of cases) {
    let [passed, detail] = [false, ""];
    try {
      const response = await fetch(`golden/${name}.safetensors`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const file = parseSafetensors(bytes, name);
      const checks = await runGoldenFile(engine, file);
      const wrong = checks.filter(({ ok }) => !ok)
        .map(({ tensor, error }) => `; ${tensor} ${error.toExponential(1)}`);
      passed = wrong.length === 0;
      detail = worstErrors(checks) + wrong.join("");
    } catch (error) {
      detail = error instanceof Error ? error.message : String(error);
    }
    await report({ passed, name: `golden ${name}`, detail });
  }
}
