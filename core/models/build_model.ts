import type { Engine } from "../../kernels/engine.ts";
import type { Method, MethodOptions } from "../methods/method.ts";
import { isHead } from "../methods/method.ts";
import { AdaptedModel, type NamedTensors } from "./adapted_model.ts";
import { modelShape } from "./architectures.ts";
import type { Backbone } from "./backbone.ts";
import { lendTensor } from "./checkpoints/converted_tensors.ts";
import type { SharedBackbone } from "./shared_backbone.ts";

/** What {@linkcode buildModel} puts together. */
export interface BuildRequest {
  /** Holds the model's memories. */
  readonly engine: Engine;
  /** The pretrained weights. */
  readonly backbone: Backbone;
  /** The method to put on it. */
  readonly method: Method;
  /** The method's options, all resolved. */
  readonly options: MethodOptions;
  /** Classes of the task: the model gets a new head for them. */
  readonly classes: number;
  /** Of the new head and the method's tensors. */
  readonly seed: number;
  /** Tensors that training left, which take the place of new ones. */
  readonly trained?: NamedTensors;
  /** The same backbone on the same engine: what stays frozen is read from it. */
  readonly shared?: SharedBackbone;
}

/**
 * Puts a method and a new head on a backbone, in an engine's memory.
 *
 * @throws {RangeError} If the options do not fit the model, or the engine cannot
 * hold it.
 * @throws {TypeError} If a trained tensor is not one of the model's, or the
 * shared backbone is another one.
 */
export function buildModel(request: BuildRequest): AdaptedModel {
  const { engine, backbone, method, options, classes, seed, shared } = request;
  if (shared && (shared.engine !== engine || shared.backbone !== backbone)) {
    throw new TypeError(
      `Cannot build the model: got ${shared.backbone.name} shared on ` +
        `${shared.engine.description}, wanted the model's own backbone and ` +
        `engine`,
    );
  }
  const config = { ...backbone.config, classes };
  const originals = backbone.tensors;
  const spec = { config, method, options, shared, originals };
  const model = new AdaptedModel(engine, spec);
  try {
    const shape = modelShape(config);
    const { tensors } = backbone;
    const isKept = (name: string) => !isHead(shape, name) && tensors.has(name);
    model.initialise(seed, isKept);
    for (const name of tensors.keys()) {
      if (!isKept(name) || model.isShared(name)) continue;
      model.write(name, lendTensor(tensors, name)!);
    }
    for (const [name, values] of request.trained ?? []) {
      model.write(name, values);
    }
  } catch (error) {
    model.close();
    throw error;
  }
  return model;
}
