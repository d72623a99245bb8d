/**
 * Folding a trained method into the backbone.
 *
 * @module
 */

import type { AdaptedModel } from "./models/adapted_model.ts";
import { modelShape, modelTensors } from "./models/architectures.ts";

/**
 * Folds a model's method into its backbone, in float64 on the host.
 *
 * @returns Every backbone tensor by name, those that trained included; a plain
 * model with them gives the adapted model's logits.
 * @throws {TypeError} If the method cannot fold; it says why.
 */
export async function foldedTensors(
  model: AdaptedModel,
): Promise<Map<string, Float32Array<ArrayBuffer>>> {
  const { config, method, options } = model.spec;
  if (!method.merge) {
    throw new TypeError(
      `Cannot merge the adapter: got ${method.name}, ` +
        `${method.unmergeable ?? "which does not fold"}, wanted a method ` +
        `that is linear`,
    );
  }
  const all = await model.read(model.slots.keys());
  const look = (name: string): Float32Array => {
    const values = all.get(name);
    if (values) return values;
    throw new TypeError(`Cannot merge the adapter: got no tensor ${name}`);
  };
  const merged = method.merge({
    options,
    model: modelShape(config),
    tensor: look,
    backbone: look,
  });
  const names = modelTensors(config).keys();
  return new Map(
    [...names].map((name) => [name, owned(merged.get(name) ?? look(name))]),
  );
}

/** Copied only where it may be another's memory. */
function owned(values: Float32Array): Float32Array<ArrayBuffer> {
  return values.buffer instanceof ArrayBuffer
    ? values as Float32Array<ArrayBuffer>
    : Float32Array.from(values);
}
