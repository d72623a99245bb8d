/**
 * Chooses the demo's learning rates on the validation images.
 *
 * @module
 */

import { percent } from "../format.ts";
import { table } from "../table.ts";
import { demoRuns, searchedRates } from "./plan.ts";
import { type DemoSession, trainDemo } from "./session.ts";

/** Validation accuracy after the last epoch at one rate. */
interface Found {
  readonly lr: number;
  /** Absent where training diverged. */
  readonly validationTop1?: number;
}

/** Trains every method at every rate and prints the validation accuracies. */
export async function searchRates(session: DemoSession): Promise<unknown> {
  const { output } = session;
  const methods: { method: string; rates: Found[]; best?: number }[] = [];
  for (const run of demoRuns) {
    const rates: Found[] = [];
    for (const lr of searchedRates) {
      output.note(`${run.method} at learning rate ${lr}`);
      rates.push({ lr, validationTop1: await validate(session, run, lr) });
    }
    const [best] = rates.toSorted((a, b) =>
      (b.validationTop1 ?? -1) - (a.validationTop1 ?? -1)
    );
    methods.push({ method: run.method, rates, best: best.lr });
  }
  output.print("Validation top-1 after the last epoch, by learning rate:");
  output.print();
  table(
    [
      { title: "" },
      ...searchedRates.map((lr) => ({
        title: `${lr}`,
        align: "right" as const,
      })),
      { title: "best", align: "right" },
    ],
    methods.map(({ method, rates, best }) => [
      method,
      ...rates.map(({ validationTop1: top1 }) =>
        top1 === undefined ? "diverged" : percent(top1)
      ),
      `${best}`,
    ]),
  ).forEach((line) => output.print(line));
  return { budget: session.budget, methods };
}

async function validate(
  session: DemoSession,
  run: typeof demoRuns[number],
  lr: number,
): Promise<number | undefined> {
  try {
    const { model, records } = await trainDemo(session, { ...run, lr });
    model.close();
    return records.at(-1)?.validationTop1;
  } catch (error) {
    // Training stops with a RangeError once the loss is not finite.
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
}
