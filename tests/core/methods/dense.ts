/**
 * A method's forward pass against a plain model with dense matrices beside its
 * layers, all in float64.
 *
 * @module
 */

import { foldedTensors } from "../../../core/merge.ts";
import { Graph, type Value } from "../../../core/graph/graph.ts";
import type { AdaptedModel } from "../../../core/models/adapted_model.ts";
import { RandomStream } from "../../../core/rng.ts";
import { assertClose, relativeError } from "../../support/assert_close.ts";
import { evaluate } from "../../support/evaluate.ts";
import { openReferenceEngine } from "../../support/reference_engine.ts";
import { tinyModel } from "../../support/tiny.ts";
import { TOLERANCE } from "../../support/tolerance.ts";
import assert from "node:assert/strict";
import { perturb } from "./checks.ts";

/** Tensors by name, in float64. */
export type Tensors = ReadonlyMap<string, Float64Array>;

/** The logits of two images of noise. */
function logitsWith(model: AdaptedModel, tensors: Tensors): Float64Array {
  const { channels, imageSize } = model.spec.config;
  const graph = new Graph();
  const images = graph.input("images", [2, channels, imageSize, imageSize]);
  const random = new RandomStream(4, "images");
  const pixels = Float64Array.from(
    { length: images.count },
    () => random.normal(),
  );
  const feeds = new Map<Value, Float64Array>([[images, pixels]]);
  const stored = model.tensors(graph);
  const logits = model.trace(images, (name) => {
    feeds.set(stored(name), tensors.get(name)!);
    return stored(name);
  });
  return evaluate(graph, feeds)(logits);
}

/**
 * Checks a method's forward pass and its merge.
 *
 * @param dense Changes weights and biases of the plain model as the method's
 * formula says, from the method's tensors.
 */
export async function checkDense(
  name: string,
  options: Readonly<Record<string, unknown>>,
  dense: (tensors: Map<string, Float64Array>) => void,
): Promise<void> {
  const engine = openReferenceEngine();
  const model = tinyModel(engine, name, options);
  await perturb(model);
  const tensors = new Map(
    [...await model.read(model.slots.keys())].map(([key, values]) =>
      [key, Float64Array.from(values)] as const
    ),
  );
  const adapted = logitsWith(model, tensors);
  const plain = tinyModel(engine, "linear");
  const base = logitsWith(plain, tensors);
  const changed = new Map(tensors);
  dense(changed);
  assertClose(
    logitsWith(plain, changed),
    adapted,
    TOLERANCE.denseMethod,
    `${name} against dense matrices`,
  );
  assert.ok(relativeError(base, adapted) > 0.01, "the method does nothing");
  for (const [tensor, values] of await foldedTensors(model)) {
    assertClose(
      values,
      changed.get(tensor)!,
      TOLERANCE.merged,
      `${name} merged ${tensor}`,
    );
  }
}

/** W + Bᵀ for W `[out, in]` and B `[in, out]`, which `value` gives. */
export function plusTransposed(
  weight: Float64Array,
  width: number,
  value: (input: number, output: number) => number,
): Float64Array {
  return weight.map((w, i) => w + value(i % width, Math.floor(i / width)));
}
