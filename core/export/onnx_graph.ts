import type { Graph, Node, Shape, Value } from "../graph/graph.ts";
import { countOf, sameShape } from "../graph/graph.ts";
import type { NamedTensors } from "../models/adapted_model.ts";
import { fromFloat32 } from "../weights/safetensors.ts";
import {
  attribute,
  DATA_TYPE,
  type NodeProto,
  type TensorProto,
} from "./onnx_schema.ts";

/** A tensor of the ONNX graph; the first size of one that is computed is free. */
export interface OnnxTensor {
  readonly name: string;
  /** As traced for one image. */
  readonly shape: Shape;
}

/** How numbers of initializers are stored. */
export type OnnxDtype = "F32" | "F16";

/**
 * Collects the nodes and constants of an ONNX graph.
 *
 * Values are traced for one image, and every computed value has the images, or
 * tokens or windows of all images, in its first axis: a reshape leaves that size
 * open.
 */
export class OnnxGraph {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly #tensors: NamedTensors;
  readonly #dtype: OnnxDtype;
  readonly #made = new Map<Value, OnnxTensor>();
  readonly #constants = new Map<string, string>();
  #next = 0;

  /** @param tensors What stored values hold. */
  constructor(tensors: NamedTensors, dtype: OnnxDtype) {
    this.#tensors = tensors;
    this.#dtype = dtype;
  }

  /** Says what a value of the trace is in this graph. */
  set(value: Value, tensor: OnnxTensor): void {
    this.#made.set(value, tensor);
  }

  /** A value under its own shape. */
  get(value: Value): OnnxTensor {
    return this.as(value, value.shape);
  }

  /** A value as it is stored here, whatever views are on it. */
  plain(value: Value): OnnxTensor {
    const { root } = value;
    const found = this.#made.get(root);
    if (found) return found;
    if (root.source.kind !== "stored") {
      throw new TypeError(
        "Cannot export to ONNX: got a value before the node that makes it",
      );
    }
    const tensor = this.weight(root, [...root.shape]);
    this.#made.set(root, tensor);
    return tensor;
  }

  /** A value under a shape. */
  as(value: Value, shape: Shape): OnnxTensor {
    const tensor = this.plain(value);
    return sameShape(tensor.shape, shape)
      ? tensor
      : this.reshape(tensor, shape);
  }

  /** Reshapes; the first size is left open. */
  reshape(tensor: OnnxTensor, shape: Shape): OnnxTensor {
    const sizes = this.integers([-1, ...shape.slice(1)]);
    return this.node("Reshape", [tensor.name, sizes], shape);
  }

  /** Adds a node with one output. */
  node(
    opType: string,
    input: readonly string[],
    shape: Shape,
    attributes: Readonly<Record<string, number | readonly number[]>> = {},
  ): OnnxTensor {
    const name = this.#name(opType);
    this.nodes.push({
      opType,
      input,
      output: [name],
      attribute: Object.entries(attributes)
        .map(([key, value]) => attribute(key, value)),
    });
    return { name, shape };
  }

  /** A number as a constant of no axes. */
  number(value: number): string {
    return this.#constant(`n ${value}`, (name) => ({
      name,
      dims: [],
      dataType: DATA_TYPE.float,
      rawData: new Uint8Array(Float32Array.of(value).buffer),
    }));
  }

  /** A whole number as a constant of no axes. */
  integer(value: number): string {
    return this.#constant(`s ${value}`, (name) => ({
      name,
      dims: [],
      dataType: DATA_TYPE.int64,
      rawData: new Uint8Array(BigInt64Array.of(BigInt(value)).buffer),
    }));
  }

  /** Whole numbers as a constant of one axis. */
  integers(values: readonly number[]): string {
    return this.#constant(`i ${values}`, (name) => ({
      name,
      dims: [values.length],
      dataType: DATA_TYPE.int64,
      rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
    }));
  }

  /**
   * Numbers as a constant.
   *
   * @param key The same for the same numbers.
   */
  numbers(key: string, values: readonly number[], shape: Shape): string {
    return this.#constant(`f ${key}`, (name) => ({
      name,
      dims: shape,
      dataType: DATA_TYPE.float,
      rawData: new Uint8Array(Float32Array.from(values).buffer),
    }));
  }

  /** A stored value as an initializer. */
  weight(value: Value, shape: Shape): OnnxTensor {
    const { name, values } = this.#stored(value);
    return this.#initializer(name, values, shape);
  }

  /** A stored matrix `[n, k]` as an initializer `[k, n]`. */
  transposedWeight(value: Value, n: number, k: number): OnnxTensor {
    const { name, values } = this.#stored(value);
    const turned = new Float32Array(values.length);
    for (let row = 0; row < n; row++) {
      for (let column = 0; column < k; column++) {
        turned[column * n + row] = values[row * k + column];
      }
    }
    return this.#initializer(`${name}.transposed`, turned, [k, n]);
  }

  #stored({ root }: Value): { name: string; values: Float32Array } {
    const name = root.source.kind === "stored" ? root.source.name : "";
    const values = this.#tensors.get(name);
    if (values && values.length === countOf(root.shape)) {
      return { name, values };
    }
    throw new TypeError(
      `Cannot export to ONNX: got ${values?.length ?? "no"} numbers for ` +
        `"${name}", wanted [${root.shape}]`,
    );
  }

  #initializer(
    name: string,
    values: Float32Array,
    shape: Shape,
  ): OnnxTensor {
    const half = this.#dtype === "F16";
    const stored = this.#constant(`w ${name} ${shape}`, () => ({
      name: half ? `${name}.f16` : name,
      dims: shape,
      dataType: half ? DATA_TYPE.float16 : DATA_TYPE.float,
      rawData: fromFloat32(values, [...shape], this.#dtype).data,
    }));
    if (!half) return { name: stored, shape };
    return this.node("Cast", [stored], shape, { to: DATA_TYPE.float });
  }

  #constant(key: string, make: (name: string) => TensorProto): string {
    const before = this.#constants.get(key);
    if (before) return before;
    const tensor = make(this.#name("constant"));
    this.initializers.push(tensor);
    this.#constants.set(key, tensor.name);
    return tensor.name;
  }

  #name(kind: string): string {
    return `${kind}_${this.#next++}`;
  }
}

/** The inputs of a node; a rule knows which of them may be absent. */
export function operands(node: Node): Value[] {
  return node.inputs as Value[];
}

/** Adds one node of the trace to the graph. */
export type OnnxRule = (graph: OnnxGraph, node: Node) => void;

/** Converts every node of a trace that something reads. */
export function convertNodes(
  trace: Graph,
  graph: OnnxGraph,
  rules: ReadonlyMap<string, OnnxRule>,
): void {
  for (const node of trace.nodes) {
    const rule = rules.get(node.op.name);
    if (!rule) {
      throw new TypeError(
        `Cannot export to ONNX: got the op ${node.op.name}, wanted one of ` +
          [...rules.keys()].join(", "),
      );
    }
    rule(graph, node);
  }
}
