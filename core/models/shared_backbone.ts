/**
 * One copy of a backbone in an engine's memory for many models.
 *
 * ```ts ignore
 * using shared = shareBackbone(engine, backbone);
 * for (const method of [findMethod("alore"), findMethod("lora")]) {
 *   const options = resolveOptions(method, {}, modelShape(backbone.config));
 *   using model = buildModel({ engine, backbone, shared, method, options, classes: 10, seed: 0 });
 *   // train, evaluate, merge: as with a model that has its own copy
 * }
 * ```
 *
 * @module
 */

import type { Engine, Memory } from "../../kernels/engine.ts";
import { Layout } from "../graph/layout.ts";
import { isHead } from "../methods/method.ts";
import { modelShape } from "./architectures.ts";
import type { Backbone } from "./backbone.ts";
import { lendTensor } from "./checkpoints/converted_tensors.ts";
import { frozenType, halfWords } from "./half.ts";

/** The region of shared tensors in plans. */
const REGION = "backbone";

/**
 * A backbone's tensors, the head left out, uploaded once. Models that are built
 * over it read those that they freeze from here, and own those that they train;
 * nothing writes to it. Close it after every model and program over it.
 */
export class SharedBackbone {
  /** Where the memory is. */
  readonly engine: Engine;
  /** What was uploaded. */
  readonly backbone: Backbone;
  /** Where each tensor lies. */
  readonly layout: Layout;
  /** What the layout refers to. */
  readonly memory: Memory;

  /** Made by {@linkcode shareBackbone}. */
  constructor(engine: Engine, backbone: Backbone) {
    this.engine = engine;
    this.backbone = backbone;
    this.layout = new Layout(REGION, engine.limits.bufferBytes);
    const shape = modelShape(backbone.config);
    for (const [name, size] of shape.tensors) {
      if (isHead(shape, name)) continue;
      this.layout.add(name, size, frozenType(engine, size));
    }
    this.memory = engine.allocate(this.layout.bytes, REGION);
    for (const [name, { offset, dtype }] of this.layout.slots) {
      const values = lendTensor(backbone.tensors, name)!;
      this.memory.write(dtype ? halfWords(values, name) : values, offset);
    }
  }

  /** Frees the memory. */
  close(): void {
    this.memory.close();
  }

  /** Frees the memory at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Uploads a backbone once, for `shared` of `buildModel` and `adapt`.
 *
 * @throws {RangeError} If the engine cannot hold it.
 */
export function shareBackbone(
  engine: Engine,
  backbone: Backbone,
): SharedBackbone {
  return new SharedBackbone(engine, backbone);
}
