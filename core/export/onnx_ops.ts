/**
 * How each op of a forward pass is said in ONNX, opset 17: one rule an op, one
 * line in the table.
 *
 * @module
 */

import { attention, windowAttention } from "./onnx_attention.ts";
import type { OnnxRule } from "./onnx_graph.ts";
import {
  add,
  gelu,
  layerNorm,
  matmul,
  quickGelu,
  scaleShift,
} from "./onnx_layers.ts";
import {
  depthwiseConv,
  spaceToDepth,
  transpose,
  windowPartition,
  windowReverse,
} from "./onnx_maps.ts";
import {
  embedTokens,
  insertTokens,
  meanTokens,
  patches,
  takeTokens,
} from "./onnx_tokens.ts";

/** The rules by the name of the op. */
export const onnxRules: ReadonlyMap<string, OnnxRule> = new Map<
  string,
  OnnxRule
>([
  ["add", add],
  ["attention", attention],
  ["depthwise_conv", depthwiseConv],
  ["embed_tokens", embedTokens],
  ["gelu", gelu],
  ["insert_tokens", insertTokens],
  ["layer_norm", layerNorm],
  ["matmul", matmul],
  ["mean_tokens", meanTokens],
  ["patches", patches],
  ["quick_gelu", quickGelu],
  ["scale_shift", scaleShift],
  ["space_to_depth", spaceToDepth],
  ["take_tokens", takeTokens],
  ["transpose", transpose],
  ["window_attention", windowAttention],
  ["window_partition", windowPartition],
  ["window_reverse", windowReverse],
]);
