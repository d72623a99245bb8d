import { valuesOf } from "./aggregate.ts";
import { toCsv } from "./csv.ts";
import type { RunResult } from "./run_result.ts";

type Field = string | number | undefined;

/** Columns that every result has, after its settings. */
const MEASURED: readonly (readonly [string, (result: RunResult) => Field])[] = [
  ["parameters", (r) => r.parameters],
  ["head_parameters", (r) => r.headParameters],
  ["test_images", (r) => r.test.count],
  ["test_correct", (r) => r.test.correct],
  ["test_top1", (r) => r.test.top1],
  ["test_mean_per_class", (r) => r.test.meanPerClass],
  ["test_loss", (r) => r.test.loss],
  ["validation_top1", (r) => r.validationTop1.at(-1)],
  ["best_epoch", (r) => r.best?.epoch],
  ["best_validation_top1", (r) => r.best?.validationTop1],
  ["best_test_correct", (r) => r.best?.test.correct],
  ["best_test_top1", (r) => r.best?.test.top1],
  ["seconds", (r) => r.seconds],
  ["images_per_second", (r) => r.imagesPerSecond],
  ["engine", (r) => r.engine],
  ["host", (r) => r.host],
  ["alore", (r) => r.alore],
  ["date", (r) => r.date],
];

/** Every result with everything that it was made with, one a line. */
export function resultsCsv(results: readonly RunResult[]): string {
  const values = results.map(valuesOf);
  const settings = [...new Set(values.flatMap((own) => [...own.keys()]))];
  return toCsv({
    file: "results.csv",
    columns: [
      "hash",
      "data",
      "data_hash",
      "seed",
      ...settings.map((name) => name.replaceAll("-", "_")),
      ...MEASURED.map(([name]) => name),
    ],
    rows: results.map((result, i) => [
      result.hash,
      result.data.name,
      result.data.hash,
      result.seed,
      ...settings.map((name) => values[i].get(name)),
      ...MEASURED.map(([, read]) => read(result)),
    ]),
  });
}
