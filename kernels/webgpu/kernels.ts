import { adamw } from "./adamw.ts";
import { add } from "./add.ts";
import { aggregateExperts } from "./aggregate_experts.ts";
import { aggregateExpertsGradient } from "./aggregate_experts_gradient.ts";
import { attention } from "./attention.ts";
import { attentionGradient } from "./attention_gradient.ts";
import { columnSum } from "./column_sum.ts";
import { copy } from "./copy.ts";
import { crossEntropy, crossEntropyGradient } from "./cross_entropy.ts";
import { depthwiseConv } from "./depthwise_conv.ts";
import { depthwiseConvWeightGradient } from "./depthwise_conv_gradient.ts";
import { dropout } from "./dropout.ts";
import { embedTokens } from "./embed_tokens.ts";
import { expertMix } from "./expert_mix.ts";
import { expertMixGradient } from "./expert_mix_gradient.ts";
import { gelu, geluGradient } from "./gelu.ts";
import { globalNorm } from "./global_norm.ts";
import { groupedInputGradient, groupedLinear } from "./grouped_linear.ts";
import { groupedWeightGradient } from "./grouped_weight_gradient.ts";
import { cutTokens, insertTokens } from "./insert_tokens.ts";
import type { Kernel } from "./kernel.ts";
import { layerNorm, layerNormGradient } from "./layer_norm.ts";
import { layerNormParameterGradient } from "./layer_norm_parameter_gradient.ts";
import { matmul } from "./matmul.ts";
import { meanTokens, spreadTokens } from "./mean_tokens.ts";
import { patches, unpatches } from "./patches.ts";
import { quickGelu, quickGeluGradient } from "./quick_gelu.ts";
import { relu, reluGradient } from "./relu.ts";
import { scaleRows } from "./scale_rows.ts";
import { scaleShift, scaleShiftGradient } from "./scale_shift.ts";
import { depthToSpace, spaceToDepth } from "./space_to_depth.ts";
import { padTokens, takeTokens } from "./token_range.ts";
import { transpose } from "./transpose.ts";
import { windowAttention } from "./window_attention.ts";
import { windowAttentionGradient } from "./window_attention_gradient.ts";
import { windowPartition, windowReverse } from "./windows.ts";

/** Every kernel of this engine; the registry. */
export const kernels: ReadonlyMap<string, Kernel> = new Map([
  adamw,
  add,
  aggregateExperts,
  aggregateExpertsGradient,
  attention,
  attentionGradient,
  columnSum,
  copy,
  crossEntropy,
  crossEntropyGradient,
  cutTokens,
  depthToSpace,
  depthwiseConv,
  depthwiseConvWeightGradient,
  dropout,
  embedTokens,
  expertMix,
  expertMixGradient,
  gelu,
  geluGradient,
  globalNorm,
  groupedInputGradient,
  groupedLinear,
  groupedWeightGradient,
  insertTokens,
  layerNorm,
  layerNormGradient,
  layerNormParameterGradient,
  matmul,
  meanTokens,
  padTokens,
  patches,
  quickGelu,
  quickGeluGradient,
  relu,
  reluGradient,
  scaleRows,
  spaceToDepth,
  spreadTokens,
  scaleShift,
  scaleShiftGradient,
  takeTokens,
  transpose,
  unpatches,
  windowAttention,
  windowAttentionGradient,
  windowPartition,
  windowReverse,
].map((kernel) => [kernel.name, kernel]));
