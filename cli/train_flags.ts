/**
 * Flags of a training run and the settings they make.
 *
 * @module
 */

import {
  type AugmentOptions,
  augmentSpecs,
  checkAugment,
} from "../core/data/augment.ts";
import { methods } from "../core/methods/mod.ts";
import { defaultSettings, type TrainSettings } from "../core/train/settings.ts";
import type { Flag } from "./flag.ts";
import { kebab, kindFlag, seedFlag } from "./flags.ts";
import type { Input } from "./input.ts";

type Setting =
  & keyof typeof defaultSettings
  & Exclude<keyof TrainSettings, "betas" | "augment">;

/** A setting, its flag's name as in timm, and its help. */
const SETTINGS: readonly (readonly [Setting, string, string])[] = [
  ["epochs", "epochs", "passes over the training images"],
  ["batchSize", "batch-size", "images a step"],
  ["lr", "lr", "peak learning rate"],
  ["minLr", "min-lr", "learning rate at the end"],
  ["warmupEpochs", "warmup-epochs", "epochs of linear warm-up"],
  ["weightDecay", "weight-decay", "decoupled weight decay"],
  ["clip", "clip-grad", "largest gradient norm; 0 for none"],
  ["smoothing", "smoothing", "label smoothing"],
  ["dropPath", "drop-path", "stochastic depth of the last block"],
];

const WHOLE: readonly Setting[] = ["epochs", "batchSize"];

/** Everything about a run but its data, backbone and method. */
export const trainFlags: readonly Flag[] = [
  seedFlag,
  ...SETTINGS.map(([setting, name, help]): Flag => ({
    name,
    kind: WHOLE.includes(setting) ? "integer" : "number",
    default: defaultSettings[setting],
    defaultText: setting === "lr" ? methodRates() : undefined,
    group: "Training",
    help,
  })),
  ...augmentSpecs.map((spec): Flag => ({
    ...kindFlag(spec),
    minimum: undefined, // Checked with the rest of its range.
    group: "Augmentation",
  })),
];

/** The learning rate of each method, for the help. */
function methodRates(): string {
  const rates = Map.groupBy(methods.values(), ({ lr }) => lr);
  const texts = [...rates].sort(([a], [b]) => a - b)
    .map(([lr, own]) => `${lr} ${own.map(({ name }) => name).join(", ")}`);
  return `of the method: ${texts.join("; ")}`;
}

/** The flag of a setting. */
export function settingFlag(setting: string): string {
  return SETTINGS.find(([name]) => name === setting)?.[1] ?? setting;
}

/**
 * The settings that were typed, the rest as given.
 *
 * @throws {RangeError} If an augmentation is out of range.
 */
export function settingsFrom(
  input: Input,
  rest: TrainSettings,
): TrainSettings {
  const settings: Record<string, number> = {};
  for (const [setting, flag] of SETTINGS) {
    settings[setting] = input.given(flag) ? input.number(flag) : rest[setting];
  }
  const seed = input.given("seed") ? input.number("seed") : rest.seed;
  const augment: AugmentOptions = { ...rest.augment };
  for (const { name } of augmentSpecs) {
    const flag = kebab(name);
    if (input.given(flag)) augment[name] = input.number(flag);
  }
  checkAugment(augment);
  return { ...rest, ...settings, seed, augment };
}
