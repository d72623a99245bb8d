/**
 * BitFit: trains the biases of the backbone, of its normalisations included.
 *
 * The head trains besides, as with every method. Nothing is added, so the
 * trained model is plain as it is.
 *
 * Source: Ben Zaken et al., BitFit, 2022 (arXiv 2106.10199).
 *
 * @module
 */

import type { Method } from "./method.ts";

/** The method. */
export const bitfit: Method = {
  name: "bitfit",
  summary: "trains the biases of the backbone",
  source: "Ben Zaken et al., arXiv 2106.10199",
  // Better than 0.003 on the demo's validation images.
  lr: 1e-2,
  options: [],
  trains: (tensor) => tensor.endsWith(".bias"),
  tensors: () => [],
  hooks: () => ({}),
  merge: () => new Map(),
};
