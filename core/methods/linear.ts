import type { Method } from "./method.ts";

/** Linear probe: only the head trains. */
export const linearProbe: Method = {
  name: "linear",
  summary: "trains the classification head only",
  source: "the usual baseline",
  // The best of three on the validation images of docs/study.md.
  lr: 1e-2,
  options: [],
  trains: () => false,
  tensors: () => [],
  hooks: () => ({}),
  merge: () => new Map(),
};
