/**
 * Parts of a report page, from what a run gave.
 *
 * @module
 */

import type { Split } from "../core/data/dataset.ts";
import type { Fact, ReportedSample } from "../core/study/run_report.ts";
import type { Evaluation } from "../core/train/records.ts";
import type { RunConfig } from "../core/train/run_config.ts";
import { findMethod } from "../core/methods/mod.ts";
import { settingsFor } from "../core/train/settings.ts";
import { kebab } from "./flags.ts";
import { settingFlag } from "./train_flags.ts";

/** Test images in a report. */
const SAMPLES = 60;

/** Images at even distances, with what a model says of them. */
export function samplesOf(
  { images, labels, count }: Split,
  { logits }: Pick<Evaluation, "logits">,
  imageSize: number,
): ReportedSample[] {
  const shown = Math.min(SAMPLES, count);
  const classes = logits.length / count;
  const bytes = imageSize ** 2 * 3;
  return Array.from({ length: shown }, (_, i) => {
    const index = Math.floor(i * count / shown);
    const row = logits.subarray(index * classes, (index + 1) * classes);
    const prediction = row.indexOf(row.reduce((a, b) => Math.max(a, b)));
    const sum = row.reduce((s, v) => s + Math.exp(v - row[prediction]), 0);
    return {
      pixels: images.slice(index * bytes, (index + 1) * bytes),
      size: imageSize,
      label: labels[index],
      prediction,
      probability: 1 / sum,
    };
  });
}

/** Every option of a run, resolved; how an imported one trained is not known. */
export function optionFacts(config: RunConfig): Fact[] {
  const { augment, ...settings } = config.settings;
  const training = config.imported ? {} : { ...settings, ...augment };
  return [
    ["method", config.method],
    ...Object.entries({ ...config.options, ...training })
      .map(([name, value]): Fact => [kebab(name), String(value)]),
  ];
}

/** What a run was made from. */
export function originFacts(
  { backbone, data, engine, imported }: RunConfig,
): Fact[] {
  const base: Fact = [
    "Backbone",
    `${backbone.source} (SHA-256 ${backbone.hash.slice(0, 12)})`,
  ];
  if (imported) {
    return [base, ["Imported", `${imported.source} (${imported.format})`]];
  }
  return [
    base,
    ["Data", `${data.name} (SHA-256 ${data.hash.slice(0, 12)})`],
    ["Engine", engine],
  ];
}

/** The command that makes a run again; defaults are left out. */
export function trainCommandOf(
  config:
    & Pick<
      RunConfig,
      "imported" | "method" | "options" | "settings" | "precision"
    >
    & Record<"backbone" | "data", { readonly source: string }>,
  path: string,
): string {
  const { backbone, data, imported, method, options, settings } = config;
  if (imported) {
    return `deno task alore import ${quoted(imported.source)} --backbone ` +
      `${quoted(backbone.source)} --out ${quoted(path)}`;
  }
  const { augment, ...rest } = settings;
  const defaults = new Map<string, unknown>(
    Object.entries(settingsFor(findMethod(method))),
  );
  const flags: (readonly [string, unknown])[] = [
    ["data", data.source],
    ["backbone", backbone.source],
    ["method", method],
    ...Object.entries(options),
    ...Object.entries(rest)
      .filter(([name, value]) => `${defaults.get(name)}` !== `${value}`)
      .map(([name, value]): [string, unknown] => [settingFlag(name), value]),
    ...Object.entries(augment).filter(([, value]) => value !== 0),
    ...config.precision ? [["precision", config.precision] as const] : [],
    ["out", path],
  ];
  const words = flags.map(([name, value]) =>
    `--${kebab(name)} ${quoted(String(value))}`
  );
  return `deno task alore train ${words.join(" ")}`;
}

/** As a shell reads it back. */
export function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}
