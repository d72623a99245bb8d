/**
 * ONNX: one file that any ONNX runtime loads, with a free batch size.
 *
 * @module
 */

import { Graph } from "../graph/graph.ts";
import { modelTensors, traceModel } from "../models/architectures.ts";
import { VERSION } from "../version.ts";
import {
  type ExportDtype,
  type ExportedFiles,
  type ExportedModel,
  type ExportFormat,
  filterOf,
} from "./exported_model.ts";
import { convertNodes, OnnxGraph } from "./onnx_graph.ts";
import { onnxRules } from "./onnx_ops.ts";
import { encodeModel } from "./onnx_schema.ts";

/** The first opset with LayerNormalization. */
const OPSET = 17;

/** `model.onnx`. */
export const onnx: ExportFormat = {
  name: "onnx",
  summary: "model.onnx for any ONNX runtime, opset 17, free batch size",
  encode(model, dtype): ExportedFiles {
    return new Map([["model.onnx", encodeOnnx(model, dtype)]]);
  },
};

/**
 * Encodes a model as ONNX: input `pixel_values`
 * `[batch, channels, size, size]`, normalised; output `logits`
 * `[batch, classes]`. Class names and preprocessing are in the metadata.
 *
 * @throws {TypeError} If an op of the model has no rule.
 * @throws {RangeError} If it would have 2 GiB or more.
 */
export function encodeOnnx(
  model: ExportedModel,
  dtype: ExportDtype,
): Uint8Array<ArrayBuffer> {
  const { config, preprocess, classes, tensors } = model;
  const trace = new Graph();
  const shapes = modelTensors(config);
  const size = [1, config.channels, config.imageSize, config.imageSize];
  const images = trace.input("pixel_values", size);
  const logits = traceModel({
    config,
    images,
    tensor: (name) =>
      trace.stored({
        name,
        shape: shapes.get(name)?.shape ?? [],
        region: "frozen",
        offset: 0,
      }),
    hooks: {},
  });
  const graph = new OnnxGraph(tensors, dtype);
  graph.set(images, { name: "pixel_values", shape: size });
  convertNodes(trace, graph, onnxRules);
  const last = graph.get(logits);
  graph.nodes.push({
    opType: "Identity",
    input: [last.name],
    output: ["logits"],
    attribute: [],
  });
  return encodeModel({
    name: "alore",
    opset: OPSET,
    producerVersion: VERSION,
    nodes: graph.nodes,
    initializers: graph.initializers,
    inputs: [{ name: "pixel_values", shape: ["batch", ...size.slice(1)] }],
    outputs: [{ name: "logits", shape: ["batch", classes.length] }],
    metadata: {
      ...model.provenance,
      classes: JSON.stringify(classes),
      image_size: `${config.imageSize}`,
      mean: JSON.stringify(preprocess.mean),
      std: JSON.stringify(preprocess.std),
      rescale_factor: `${1 / 255}`,
      interpolation: filterOf(model),
      fit: model.resize?.fit ?? "stretch",
      crop_pct: `${model.resize?.cropPct ?? 1}`,
    },
  });
}
