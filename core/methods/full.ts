import type { Method } from "./method.ts";

/** Full fine-tuning: every backbone tensor trains. */
export const full: Method = {
  name: "full",
  summary: "trains every weight of the backbone",
  source: "the usual baseline",
  // The best of eight on the validation images of the demo.
  lr: 3e-4,
  options: [],
  trains: () => true,
  tensors: () => [],
  hooks: () => ({}),
  merge: () => new Map(),
};
