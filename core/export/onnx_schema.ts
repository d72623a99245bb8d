/**
 * The part of ONNX's protobuf schema that a model needs, and its encoder.
 *
 * Source: onnx.proto of ONNX 1.12 (IR version 8), field numbers as there.
 *
 * @module
 */

import protobuf from "protobufjs/light.js";

/** Element types of tensors. */
export const DATA_TYPE = { float: 1, int64: 7, float16: 10 } as const;

/** Types of attributes. */
const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const;

/** A constant of the graph. */
export interface TensorProto {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  /** Little-endian. */
  readonly rawData: Uint8Array;
}

/** Name and value of an attribute. */
export type AttributeProto =
  & { readonly name: string; readonly type: number }
  & (
    | { readonly f: number }
    | { readonly i: number }
    | { readonly ints: readonly number[] }
  );

/** One use of an operator. */
export interface NodeProto {
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly AttributeProto[];
}

/** An input or output; sizes that are words are free. */
export interface PortProto {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

/** What {@linkcode encodeModel} encodes. */
export interface ModelProto {
  readonly name: string;
  readonly opset: number;
  readonly producerVersion: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly PortProto[];
  readonly outputs: readonly PortProto[];
  readonly metadata: Readonly<Record<string, string>>;
}

const one = (type: string, id: number) => ({ type, id });
const many = (type: string, id: number) => ({
  rule: "repeated" as const,
  type,
  id,
});

const schema = protobuf.Root.fromJSON({
  nested: {
    Attribute: {
      fields: {
        name: one("string", 1),
        f: one("float", 2),
        i: one("int64", 3),
        ints: many("int64", 8),
        type: one("int32", 20),
      },
    },
    Node: {
      fields: {
        input: many("string", 1),
        output: many("string", 2),
        name: one("string", 3),
        opType: one("string", 4),
        attribute: many("Attribute", 5),
      },
    },
    Tensor: {
      fields: {
        dims: many("int64", 1),
        dataType: one("int32", 2),
        name: one("string", 8),
        rawData: one("bytes", 9),
      },
    },
    Dimension: {
      fields: { dimValue: one("int64", 1), dimParam: one("string", 2) },
    },
    TensorShape: { fields: { dim: many("Dimension", 1) } },
    TensorType: {
      fields: { elemType: one("int32", 1), shape: one("TensorShape", 2) },
    },
    Type: { fields: { tensorType: one("TensorType", 1) } },
    ValueInfo: { fields: { name: one("string", 1), type: one("Type", 2) } },
    Graph: {
      fields: {
        node: many("Node", 1),
        name: one("string", 2),
        initializer: many("Tensor", 5),
        input: many("ValueInfo", 11),
        output: many("ValueInfo", 12),
      },
    },
    StringEntry: { fields: { key: one("string", 1), value: one("string", 2) } },
    OperatorSet: {
      fields: { domain: one("string", 1), version: one("int64", 2) },
    },
    Model: {
      fields: {
        irVersion: one("int64", 1),
        producerName: one("string", 2),
        producerVersion: one("string", 3),
        graph: one("Graph", 7),
        opsetImport: many("OperatorSet", 8),
        metadataProps: many("StringEntry", 14),
      },
    },
  },
});

/** IR version of ONNX 1.12, which opset 17 came with. */
const IR_VERSION = 8;

/** Protobuf readers refuse messages of 2 GiB and more. */
const MAX_BYTES = 2 ** 31 - 1;

/** An attribute of whole numbers, or of one number. */
export function attribute(
  name: string,
  value: number | readonly number[],
): AttributeProto {
  if (typeof value !== "number") {
    return { name, type: ATTRIBUTE_TYPE.ints, ints: value };
  }
  return Number.isInteger(value)
    ? { name, type: ATTRIBUTE_TYPE.int, i: value }
    : { name, type: ATTRIBUTE_TYPE.float, f: value };
}

/**
 * Encodes a model.
 *
 * @throws {RangeError} If it would have 2 GiB or more, which protobuf cannot
 * hold.
 */
export function encodeModel(model: ModelProto): Uint8Array<ArrayBuffer> {
  const bytes = model.initializers
    .reduce((sum, { rawData }) => sum + rawData.length, 0);
  if (bytes > MAX_BYTES - 2 ** 20) {
    throw new RangeError(
      `Cannot encode the ONNX model: got ${bytes} bytes of weights, wanted ` +
        `less than 2 GiB, which one protobuf message can hold`,
    );
  }
  const type = schema.lookupType("Model");
  const message = type.fromObject({
    irVersion: IR_VERSION,
    producerName: "alore",
    producerVersion: model.producerVersion,
    graph: {
      name: model.name,
      node: model.nodes.map((node) => ({ ...node, name: node.output[0] })),
      initializer: model.initializers,
      input: model.inputs.map(valueInfo),
      output: model.outputs.map(valueInfo),
    },
    opsetImport: [{ domain: "", version: model.opset }],
    metadataProps: Object.entries(model.metadata)
      .map(([key, value]) => ({ key, value })),
  });
  return Uint8Array.from(type.encode(message).finish());
}

function valueInfo({ name, shape }: PortProto): Record<string, unknown> {
  const dim = shape.map((size) =>
    typeof size === "number" ? { dimValue: size } : { dimParam: size }
  );
  const tensorType = { elemType: DATA_TYPE.float, shape: { dim } };
  return { name, type: { tensorType } };
}
