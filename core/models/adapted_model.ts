/**
 * A backbone with a method on it, in an engine's memory.
 *
 * @module
 */

import type { Engine, Memory, Plan } from "../../kernels/engine.ts";
import { checkPlan } from "../graph/check_plan.ts";
import { countOf, Graph, type Slot, type Value } from "../graph/graph.ts";
import { Layout } from "../graph/layout.ts";
import { plan } from "../graph/plan.ts";
import { isHead, type Method, type MethodOptions } from "../methods/method.ts";
import { dropout } from "../ops/dropout.ts";
import { initialise } from "./init.ts";
import {
  type ModelConfig,
  modelShape,
  modelTensors,
  traceModel,
} from "./architectures.ts";
import { frozenType, halfWords } from "./half.ts";
import type { SharedBackbone } from "./shared_backbone.ts";

/** What to build. */
export interface ModelSpec {
  /** Sizes, the head as wide as the task's classes. */
  readonly config: ModelConfig;
  /** The method on it. */
  readonly method: Method;
  /** The method's options, all resolved. */
  readonly options: MethodOptions;
  /** Where frozen tensors already are; left out, the model has its own. */
  readonly shared?: SharedBackbone;
  /**
   * Where frozen tensors were taken from: read again from there where the engine
   * stores them as f16.
   */
  readonly originals?: NamedTensors;
}

/** Values that a training forward pass takes besides the images. */
export interface TrainingInputs {
  /** `[branches, batch]`; left out without drop path. */
  readonly dropPath?: Value;
  /** Declares `[2]`, i32, when a method first drops; left out, none does. */
  key?(): Value;
  /** The number of the first place where elements are dropped, default 0. */
  readonly firstSite?: number;
}

/** Tensors by name, on the host. */
export type NamedTensors = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/** Memories for frozen and trainable tensors, and the programs over them. */
export class AdaptedModel {
  /** Where its memories are. */
  readonly engine: Engine;
  /** What it was built from. */
  readonly spec: ModelSpec;
  /** Frozen tensors: the model's own, or those of a shared backbone. */
  readonly frozen: Layout;
  /** Trainable tensors, packed so that one kernel call updates all. */
  readonly trainable: Layout;
  /** Tensors of the method that keep their start. */
  readonly fixed: Layout;
  readonly #memories = new Map<string, Memory>();

  /**
   * Lays the tensors out and makes their memories, filled with zeros.
   *
   * @throws {RangeError} If the method's options do not fit the model, or the
   * engine cannot hold it.
   */
  constructor(engine: Engine, spec: ModelSpec) {
    this.engine = engine;
    this.spec = spec;
    const { config, method, options, shared } = spec;
    const layout = (region: string) =>
      new Layout(region, engine.limits.bufferBytes);
    this.trainable = layout("trainable");
    this.fixed = layout("fixed");
    const shape = modelShape(config);
    method.check?.(options, shape);
    const trains = (name: string): boolean =>
      isHead(shape, name) || method.trains(name);
    this.frozen = shared?.layout.only((name) => !trains(name)) ??
      layout("frozen");
    for (const [name, tensor] of shape.tensors) {
      if (trains(name)) this.trainable.add(name, tensor);
      else if (!shared) {
        this.frozen.add(name, tensor, frozenType(engine, tensor));
      }
    }
    for (const { name, shape: size, fixed } of method.tensors(options, shape)) {
      (fixed ? this.fixed : this.trainable).add(name, size);
    }
    if (shared) this.#memories.set(this.frozen.region, shared.memory);
    for (const layout of [this.frozen, this.trainable, this.fixed]) {
      if (layout.bytes) this.memory(layout.region, layout.bytes);
    }
  }

  /** The slot of every tensor by name. */
  get slots(): Map<string, Slot> {
    return new Map(
      [this.frozen, this.trainable, this.fixed].flatMap((l) => [...l.slots]),
    );
  }

  /** Number of trainable elements. */
  get trainableCount(): number {
    return [...this.trainable.slots.values()]
      .reduce((sum, slot) => sum + countOf(slot.shape), 0);
  }

  /** The block of each residual branch, in order. */
  get branches(): number[] {
    const { blocks } = modelShape(this.spec.config);
    return blocks.flatMap(({ branches }, block) => branches.map(() => block));
  }

  /** A persistent memory of the model, made when first asked for. */
  memory(region: string, bytes: number): Memory {
    const before = this.#memories.get(region);
    if (before) return before;
    const made = this.engine.allocate(bytes, region);
    this.#memories.set(region, made);
    return made;
  }

  /** Every memory by region, as planning wants them. */
  get memories(): ReadonlyMap<string, Memory> {
    return this.#memories;
  }

  /** Whether a tensor lies in a shared backbone. */
  isShared(name: string): boolean {
    return this.spec.shared !== undefined && this.frozen.slots.has(name);
  }

  /**
   * Starts every tensor from its own random stream, shared ones left out.
   *
   * @param isWritten Tensors that the caller writes anyway are left out too.
   */
  initialise(
    seed: number,
    isWritten: (name: string) => boolean = () => false,
  ): void {
    const { config, method, options } = this.spec;
    for (const [name, { shape, init }] of modelTensors(config)) {
      if (this.isShared(name) || isWritten(name)) continue;
      this.write(name, initialise(init, countOf(shape), seed, name));
    }
    const model = modelShape(config);
    for (const { name, shape, init } of method.tensors(options, model)) {
      this.write(name, initialise(init, countOf(shape), seed, name));
    }
  }

  /**
   * Overwrites one tensor.
   *
   * @throws {TypeError} If there is none of that name and size, or other models
   * read it too.
   */
  write(name: string, values: Float32Array<ArrayBuffer>): void {
    const slot = this.slot(name);
    if (this.isShared(name)) {
      throw new TypeError(
        `Cannot write ${name}: got a tensor of a shared backbone, wanted one ` +
          `of the model's own`,
      );
    }
    if (values.length !== countOf(slot.shape)) {
      throw new TypeError(
        `Cannot write ${name}: got ${values.length} numbers, wanted ` +
          `[${slot.shape}]`,
      );
    }
    const stored = slot.dtype === "f16" ? halfWords(values, name) : values;
    this.memory(slot.region, 0).write(stored, slot.offset);
  }

  /**
   * Reads tensors back, by default those that an adapter file holds. Those that
   * the engine has as f16 come from where they were taken from, as they are.
   *
   * @throws {TypeError} If such a one was written from elsewhere.
   */
  async read(
    names: Iterable<string> = [
      ...this.trainable.slots.keys(),
      ...this.fixed.slots.keys(),
    ],
  ): Promise<Map<string, Float32Array<ArrayBuffer>>> {
    const found = new Map<string, Float32Array<ArrayBuffer>>();
    for (const name of names) {
      const { region, offset, shape, dtype } = this.slot(name);
      if (dtype === "f16") {
        found.set(name, this.#original(name));
        continue;
      }
      const bytes = 4 * countOf(shape);
      const buffer = await this.memory(region, 0).read(offset, bytes);
      found.set(name, new Float32Array(buffer));
    }
    return found;
  }

  #original(name: string): Float32Array<ArrayBuffer> {
    const { originals, shared } = this.spec;
    const values = (originals ?? shared?.backbone.tensors)?.get(name);
    if (values) return values;
    throw new TypeError(
      `Cannot read ${name}: got a tensor stored as f16, wanted a model that ` +
        `knows its original`,
    );
  }

  /**
   * Where a tensor lives.
   *
   * @throws {TypeError} If there is none of that name.
   */
  slot(name: string): Slot {
    for (const layout of [this.trainable, this.frozen, this.fixed]) {
      const slot = layout.slots.get(name);
      if (slot) return slot;
    }
    throw new TypeError(`Cannot find a tensor: got the name "${name}"`);
  }

  /**
   * Traces the forward pass into a graph.
   *
   * @param images `[batch, channels, size, size]`.
   * @param tensor Tensors by name, so that the caller can differentiate
   * towards them.
   * @returns Logits, `[batch, classes]`.
   */
  trace(
    images: Value,
    tensor: (name: string) => Value,
    training: TrainingInputs = {},
  ): Value {
    const { config, method, options } = this.spec;
    const { dropPath } = training;
    let site = training.firstSite ?? 0;
    const hooks = method.hooks({
      options,
      model: modelShape(config),
      tensor,
      dropout: (x, rate, group = 1) => {
        const key = rate > 0 ? training.key?.() : undefined;
        return key ? dropout(x, key, { rate, site: site++, group }) : x;
      },
    });
    return traceModel({ config, images, tensor, hooks, dropPath });
  }

  /**
   * Plans inference: input `images`, output `logits`.
   *
   * @throws {RangeError} If the engine cannot hold it.
   */
  forwardPlan(batch: number): Plan {
    const { channels, imageSize } = this.spec.config;
    const graph = new Graph();
    const size = [batch, channels, imageSize, imageSize];
    const images = graph.input("images", size);
    const logits = this.trace(images, this.tensors(graph));
    const made = plan({
      label: `forward pass of ${batch} images`,
      graph,
      outputs: { logits },
      memories: this.memories,
      bufferBytes: this.engine.limits.bufferBytes,
      half: this.engine.half,
    });
    checkPlan(made, this.engine.limits);
    return made;
  }

  /** A lookup of stored tensors that gives one value per name. */
  tensors(graph: Graph): (name: string) => Value {
    const values = new Map<string, Value>();
    return (name) => {
      const value = values.get(name) ?? graph.stored(this.slot(name));
      values.set(name, value);
      return value;
    };
  }

  /** Frees the model's memories; a shared backbone stays. */
  close(): void {
    for (const memory of this.#memories.values()) {
      if (memory !== this.spec.shared?.memory) memory.close();
    }
    this.#memories.clear();
  }

  /** Frees the model's memories at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}
