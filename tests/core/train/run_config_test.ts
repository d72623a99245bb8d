import assert from "node:assert/strict";
import {
  parseRunConfig,
  type RunConfig,
} from "../../../core/train/run_config.ts";
import { defaultSettings } from "../../../core/train/settings.ts";
import { tinyConfig } from "../../support/tiny.ts";

function configOf(
  options: Record<string, number | string>,
  more: Record<string, unknown> = {},
): string {
  const config: Partial<RunConfig> = {
    format: "alore-run",
    version: 1,
    alore: "0.0.0",
    method: "alore",
    options,
    settings: { ...defaultSettings, augment: {} as never },
    model: tinyConfig,
    preprocess: { mean: [0, 0, 0], std: [1, 1, 1] },
    backbone: { source: "tiny", hash: "" },
    data: {
      source: "tiny",
      hash: "",
      name: "tiny",
      resize: { filter: "none", size: 8, fit: "stretch" },
    },
    classes: ["a", "b", "c"],
    engine: "",
  };
  return JSON.stringify({ ...config, ...more });
}

Deno.test("parseRunConfig() gives a run the options that came after it", () => {
  const text = configOf({ experts: 2, rank: 3, place: "attn", scale: 0.5 });
  assert.deepEqual(parseRunConfig(text, "run").options, {
    experts: 2,
    rank: 3,
    place: "attn",
    share: "network",
    mix: "learned",
    scale: 0.5,
    scaling: "fixed",
    dropout: 0,
    expertDropout: 0,
  });
});

Deno.test("parseRunConfig() refuses an option that the method does not have", () => {
  assert.throws(() => parseRunConfig(configOf({ exports: 2 }), "run"), {
    name: "SyntaxError",
    message:
      /^Cannot read the run run: got a wrong field "options" \(Cannot configure alore: got option "exports"/,
  });
});

Deno.test("parseRunConfig() takes no epochs of a run that was imported alone", () => {
  const settings = { ...defaultSettings, augment: {}, epochs: 0 };
  const imported = { source: "adapter", format: "peft" };
  const text = configOf({}, { settings, imported });
  assert.deepEqual(parseRunConfig(text, "run").imported, imported);
  assert.throws(() => parseRunConfig(configOf({}, { settings }), "run"), {
    name: "SyntaxError",
    message:
      /got a wrong field "settings\.epochs" \(0 epochs of a run that was not imported\)/,
  });
});
