import type { Method } from "./method.ts";

/** Linear probe: only the head trains. */
export const linearProbe: Method = {
  name: "linear",
  summary: "trains the classification head only",
  source: "the usual baseline",
  // Half an order below the best on the demo, where batches are smaller.
  lr: 3e-2,
  options: [],
  trains: () => false,
  tensors: () => [],
  hooks: () => ({}),
  merge: () => new Map(),
};
