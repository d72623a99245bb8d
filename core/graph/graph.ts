/**
 * Values, the ops that make them, and the graph that records both.
 *
 * @module
 */

import type { Dtype, StorageType } from "../../kernels/engine.ts";

/** Sizes of a tensor, outermost first. */
export type Shape = readonly number[];

/** Sizes and constants of one use of an op. */
export type Attributes = Readonly<Record<string, number>>;

/** Everything about one op that does not depend on an engine. */
export interface Op {
  /** The name of its kernel on each engine. */
  readonly name: string;
  /** Shapes of the results; throws `TypeError` if the inputs do not fit. */
  outputs(inputs: (Shape | undefined)[], attributes: Attributes): Shape[];
  /**
   * The slow readable oracle, in float64.
   *
   * @param inputs Row-major values; integers as numbers.
   * @returns One array per output; an op with `mutates` changes its inputs.
   */
  reference(
    inputs: (Float64Array | undefined)[],
    attributes: Attributes,
  ): Float64Array[];
  /**
   * Adds the nodes that carry a gradient from the outputs to the inputs.
   *
   * @param node The use to differentiate.
   * @param gradients Of each output; `undefined` where nothing flows back. At
   * the root all are `undefined`, which stands for a gradient of one.
   * @param needed Which inputs need a gradient.
   * @returns One per input, `undefined` where not needed.
   */
  gradient?(
    node: Node,
    gradients: (Value | undefined)[],
    needed: boolean[],
  ): (Value | undefined)[];
  /**
   * Operations of one use, a multiply-add as two, for profiles: the leading
   * term, or a count by hand with any function as one. Left out by ops that
   * only move numbers.
   */
  flops?(attributes: Attributes): number;
  /** The optional input that is added to output 0, if the op has one. */
  readonly addend?: number;
  /** Inputs that the op overwrites; such a node always runs. */
  readonly mutates?: readonly number[];
}

/** Where a value comes from. */
export type Source =
  | { readonly kind: "node"; readonly node: Node; readonly index: number }
  | { readonly kind: "input"; readonly name: string }
  | {
    readonly kind: "stored";
    readonly name: string;
    readonly region: string;
    readonly offset: number;
    readonly dtype: StorageType;
  }
  | { readonly kind: "view"; readonly of: Value };

/** A tensor of the traced computation; it has a shape but no numbers. */
export class Value {
  /** The graph that it belongs to. */
  readonly graph: Graph;
  /** Sizes, outermost first. */
  readonly shape: Shape;
  /** Type of its elements. */
  readonly dtype: Dtype;
  /** Where it comes from. */
  readonly source: Source;

  /** Made by the graph's methods only. */
  constructor(graph: Graph, shape: Shape, dtype: Dtype, source: Source) {
    this.graph = graph;
    this.shape = shape;
    this.dtype = dtype;
    this.source = source;
  }

  /** Number of elements. */
  get count(): number {
    return countOf(this.shape);
  }

  /** The value whose storage this one shows: itself unless it is a view. */
  get root(): Value {
    return this.source.kind === "view" ? this.source.of.root : this;
  }
}

/** One use of an op. */
export interface Node {
  /** Position in the graph's order. */
  readonly id: number;
  /** What is used. */
  readonly op: Op;
  /** Operands; optional ones that are absent are `undefined`. */
  readonly inputs: (Value | undefined)[];
  /** Sizes and constants of this use. */
  readonly attributes: Attributes;
  /** Results. */
  readonly outputs: readonly Value[];
}

/** A computation in the order in which it was traced. */
export class Graph {
  /** Uses of ops, in the order in which they were traced. */
  readonly nodes: Node[] = [];
  /** Tensors that are written before each run, by name. */
  readonly inputs: Map<string, Value> = new Map();
  /** Roots that are stored as f32 whatever the precision of activations. */
  readonly exact: Set<Value> = new Set();

  /**
   * Declares a tensor that is written before each run.
   *
   * @throws {RangeError} If the name is taken.
   */
  input(name: string, shape: Shape, dtype: Dtype = "f32"): Value {
    if (this.inputs.has(name)) {
      throw new RangeError(
        `Cannot declare input "${name}": got the name twice, wanted it once`,
      );
    }
    const value = new Value(this, shape, dtype, { kind: "input", name });
    this.inputs.set(name, value);
    return value;
  }

  /**
   * Refers to a tensor in a persistent memory.
   *
   * @param slot Its name, shape, region (the memory's name) and byte offset.
   */
  stored(slot: Slot): Value {
    return new Value(this, slot.shape, "f32", {
      kind: "stored",
      name: slot.name,
      region: slot.region,
      offset: slot.offset,
      dtype: slot.dtype ?? "f32",
    });
  }

  /** Records one use of an op and returns its results. */
  apply(
    op: Op,
    inputs: (Value | undefined)[],
    attributes: Attributes,
  ): readonly Value[] {
    const shapes = op.outputs(inputs.map((input) => input?.shape), attributes);
    const outputs: Value[] = [];
    const node: Node = {
      id: this.nodes.length,
      op,
      inputs,
      attributes,
      outputs,
    };
    for (const [index, shape] of shapes.entries()) {
      outputs.push(
        new Value(this, shape, "f32", { kind: "node", node, index }),
      );
    }
    this.nodes.push(node);
    return outputs;
  }

  /**
   * Shows a value under another shape; nothing is copied.
   *
   * @throws {TypeError} If the number of elements differs.
   */
  reshape(value: Value, shape: Shape): Value {
    if (countOf(shape) !== value.count) {
      throw new TypeError(
        `Cannot reshape a value: got [${value.shape}], wanted [${shape}]`,
      );
    }
    if (sameShape(shape, value.shape)) return value;
    return new Value(this, shape, value.dtype, { kind: "view", of: value });
  }
}

/** A tensor's place in a persistent memory. */
export interface Slot {
  /** The tensor's name. */
  readonly name: string;
  /** Sizes, outermost first. */
  readonly shape: Shape;
  /** The name of the memory. */
  readonly region: string;
  /** In bytes. */
  readonly offset: number;
  /** What its elements are stored as; f32 where it is left out. */
  readonly dtype?: "f16";
}

/** Roots of what depends on an input of the graph, the inputs included. */
export function inputDependents(graph: Graph): Set<Value> {
  const found = new Set<Value>(graph.inputs.values());
  for (const { inputs, outputs } of graph.nodes) {
    if (!inputs.some((input) => input && found.has(input.root))) continue;
    for (const output of outputs) found.add(output);
  }
  return found;
}

/** Number of elements of a shape; 1 for a scalar. */
export function countOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Whether two shapes are equal, size by size. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
