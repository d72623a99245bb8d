/**
 * `deno task golden [DIR]`: every case of a folder on every engine present.
 *
 * @module
 */

import { testEngines, webgpuHalf } from "../support/engines.ts";
import { goldenCases, type GoldenCheck, runGolden } from "./mod.ts";

const encoder = new TextEncoder();

function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

/** The worst error of each kind, as `logits 1.2e-7`. */
function summary(checks: GoldenCheck[]): string {
  const worst = new Map<string, number>();
  for (const { kind, error } of checks) {
    worst.set(kind, Math.max(worst.get(kind) ?? 0, error));
  }
  return [...worst].map(([kind, error]) => `${kind} ${error.toExponential(1)}`)
    .join(", ");
}

async function main(folder?: string): Promise<number> {
  const cases = goldenCases(folder);
  let [passed, failed, skipped] = [0, 0, 0];
  for (const { name, ignore, open } of [...testEngines, webgpuHalf]) {
    if (ignore) {
      skipped += cases.length;
      print(`skipped  ${name}: not on this machine`);
      continue;
    }
    const engine = await open();
    print(`\n${engine.description}`);
    for (const { name: label, path, method, known } of cases) {
      if (!known) {
        skipped++;
        print(`skipped  ${label}: no method "${method}" yet`);
        continue;
      }
      const checks = await runGolden(engine, path);
      const wrong = checks.filter(({ ok }) => !ok);
      if (wrong.length > 0) failed++;
      else passed++;
      const verdict = wrong.length > 0 ? "failed " : "passed ";
      print(`${verdict}  ${label}: ${summary(checks)}`);
      for (const { tensor, error } of wrong) {
        print(`           ${tensor} ${error.toExponential(1)}`);
      }
    }
    engine.close();
  }
  print(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args[0]));
