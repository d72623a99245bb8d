/**
 * The registry of the CPU engine: how each kernel becomes phases of the WASM
 * binary. A new kernel is one file in `wasm/`, its export in `wasm/index.ts`,
 * and one entry here.
 *
 * @module
 */

import { composeExperts, composeExpertsGradient } from "../compose_experts.ts";
import { attention, attentionGradient } from "./lower/attention.ts";
import type { Lower } from "./lower/lowering.ts";
import { matmul } from "./lower/matmul.ts";
import {
  windowAttention,
  windowAttentionGradient,
} from "./lower/window_attention.ts";

/** Rows of a partial sum of `expert_mix_gradient`, and the most sums. */
const MIX_ROWS = 128;
const MIX_CHUNKS = 1024;

/** Elements of a partial sum of `global_norm`. */
const NORM_CHUNK = 16384;

/** One phase: inputs, outputs and attributes in the order of the contract. */
function direct(
  entry: string,
  inputs: number,
  outputs: number,
  ...attributes: string[]
): Lower {
  return (call) => [[
    entry,
    ...Array.from({ length: inputs }, (_, index) => call.input(index)),
    ...Array.from({ length: outputs }, (_, index) => call.output(index)),
    ...call.attributes(...attributes),
  ]];
}

const expertMixGradient: Lower = (call) => {
  const [rows, n, rank] = call.attributes("rows", "experts", "rank");
  const chunk = Math.max(MIX_ROWS, Math.ceil(rows / MIX_CHUNKS));
  const chunks = Math.ceil(rows / chunk);
  const partials = call.scratch(chunks * n ** 3);
  const [low, dmixed, addend] = [0, 1, 2].map((index) => call.input(index));
  return [
    ["expertMixChunks", low, dmixed, partials, rows, n, rank, chunk],
    ["expertMixSum", partials, addend, call.output(0), n ** 3, chunks],
  ];
};

/** What experts are composed of. */
const expertParts: Readonly<Record<string, Lower>> = {
  "expert_mix": direct(
    "expertMix",
    2,
    1,
    "rows",
    "experts",
    "rank",
    "transpose",
  ),
  "expert_mix_gradient": expertMixGradient,
  matmul,
  transpose: direct("transpose", 1, 1, "a", "b", "c"),
};

const crossEntropy: Lower = (call) => {
  const [batch, classes] = call.attributes("batch", "classes");
  const smoothing = call.attribute("smoothing");
  const results = call.scratch(3 * batch);
  const own = call.own(classes);
  const [logits, labels] = [call.input(0), call.input(1)];
  const [loss, correct] = [call.output(0), call.output(1)];
  // deno-fmt-ignore
  return [
    ["crossEntropyRows", logits, labels, results, ...own, batch, classes, smoothing],
    ["crossEntropySum", results, labels, loss, correct, batch],
  ];
};

const globalNorm: Lower = (call) => {
  const count = call.attribute("count");
  const partials = call.scratch(2 * Math.ceil(count / NORM_CHUNK));
  return [
    ["normChunks", call.input(0), partials, count],
    ["normFinish", partials, call.output(0), count],
  ];
};

const IMAGE = ["batch", "channels", "size", "patch"];
const TOKENS = ["batch", "tokens", "width"];
const SQUARES = ["batch", "size", "channels", "patch", "merge"];
const CONV = ["batch", "size", "channels", "kernel"];
const WINDOWS = ["batch", "size", "channels", "window", "shift"];
const SOFTMAX = ["batch", "classes", "smoothing"];
const GROUPED = ["m", "groups", "k", "n", "shuffle"];

/** `grouped_linear` and its weight gradient put a row's channels in order. */
function grouped(entry: string, inputs: number, partials: boolean): Lower {
  return (call) => {
    const [m, groups, k, n, shuffle] = call.attributes(...GROUPED);
    const own = call.own(groups * k + (partials ? groups * n * k : 0));
    const operands = Array.from({ length: inputs }, (_, i) => call.input(i));
    // deno-fmt-ignore
    return [[entry, ...operands, call.output(0), ...own, m, groups, k, n, shuffle]];
  };
}

const INSERT = [...TOKENS, "start", "count", "skip"];

/** Every kernel by the name of its op. */
export const kernels: ReadonlyMap<string, Lower> = new Map<string, Lower>([
  ...Object.entries(expertParts),
  ["aggregate_experts", (call) => call.parts(composeExperts, expertParts)],
  [
    "aggregate_experts_gradient",
    (call) => call.parts(composeExpertsGradient, expertParts),
  ],
  ["adamw", direct("adamw", 6, 0, "count")],
  ["add", direct("add", 2, 1, "count", "alpha")],
  ["attention", attention],
  ["attention_gradient", attentionGradient],
  ["column_sum", direct("columnSum", 2, 1, "m", "n")],
  ["copy", direct("copy", 1, 1, "count")],
  ["cross_entropy", crossEntropy],
  [
    "cross_entropy_gradient",
    direct("crossEntropyGradient", 3, 1, ...SOFTMAX),
  ],
  ["cut_tokens", direct("cutTokens", 1, 1, ...INSERT)],
  ["depth_to_space", direct("depthToSpace", 1, 1, ...SQUARES)],
  ["depthwise_conv", direct("depthwiseConv", 4, 1, ...CONV, "flip")],
  [
    "depthwise_conv_weight_gradient",
    direct("depthwiseConvWeightGradient", 3, 1, ...CONV),
  ],
  ["dropout", direct("dropout", 2, 1, "count", "rate", "site", "group")],
  ["embed_tokens", direct("embedTokens", 3, 1, ...TOKENS)],
  ["gelu", direct("gelu", 1, 1, "count")],
  ["gelu_gradient", direct("geluGradient", 2, 1, "count")],
  ["global_norm", globalNorm],
  [
    "grouped_input_gradient",
    direct("groupedInputGradient", 3, 1, ...GROUPED),
  ],
  ["grouped_linear", grouped("groupedLinear", 4, false)],
  [
    "grouped_weight_gradient",
    grouped("groupedWeightGradient", 3, true),
  ],
  ["insert_tokens", direct("insertTokens", 2, 1, ...INSERT, "sets")],
  ["layer_norm", direct("layerNorm", 3, 3, "m", "n", "eps")],
  ["layer_norm_gradient", direct("layerNormGradient", 6, 1, "m", "n")],
  [
    "layer_norm_parameter_gradient",
    direct("layerNormParameterGradient", 4, 2, "m", "n"),
  ],
  ["mean_tokens", direct("meanTokens", 1, 1, ...TOKENS)],
  ["pad_tokens", direct("padTokens", 2, 1, ...TOKENS, "start", "count")],
  ["patches", direct("patches", 1, 1, ...IMAGE)],
  ["quick_gelu", direct("quickGelu", 1, 1, "count")],
  ["quick_gelu_gradient", direct("quickGeluGradient", 2, 1, "count")],
  ["relu", direct("relu", 1, 1, "count")],
  ["relu_gradient", direct("reluGradient", 2, 1, "count")],
  ["scale_rows", direct("scaleRows", 3, 1, "rows", "width")],
  ["scale_shift", direct("scaleShift", 4, 1, "m", "n")],
  ["scale_shift_gradient", direct("scaleShiftGradient", 2, 2, "m", "n")],
  ["space_to_depth", direct("spaceToDepth", 1, 1, ...SQUARES)],
  ["spread_tokens", direct("spreadTokens", 1, 1, ...TOKENS)],
  ["take_tokens", direct("takeTokens", 1, 1, ...TOKENS, "start", "count")],
  ["unpatches", direct("unpatches", 1, 1, ...IMAGE)],
  ["window_attention", windowAttention],
  ["window_attention_gradient", windowAttentionGradient],
  ["window_partition", direct("windowPartition", 1, 1, ...WINDOWS)],
  ["window_reverse", direct("windowReverse", 2, 1, ...WINDOWS)],
]);
