import type { Method } from "./method.ts";

/** Linear probe: only the head trains. */
export const linearProbe: Method = {
  name: "linear",
  summary: "trains the classification head only",
  source: "the usual baseline",
  // The best of eight on the validation images of the demo.
  lr: 1e-1,
  options: [],
  trains: () => false,
  tensors: () => [],
  hooks: () => ({}),
  merge: () => new Map(),
};
