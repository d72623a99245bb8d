/// <reference path="./globals.d.ts" />
/** Everything that the binary exports. */

export { adamw } from "./adamw.ts";
export { add, copy } from "./add.ts";
export { attention } from "./attention.ts";
export { attentionGradient } from "./attention_gradient.ts";
export { slopeRows, softmaxRows } from "./attention_rows.ts";
export { barrier, take } from "./barrier.ts";
export { columnSum } from "./column_sum.ts";
export {
  crossEntropyGradient,
  crossEntropyRows,
  crossEntropySum,
} from "./cross_entropy.ts";
export {
  depthwiseConv,
  depthwiseConvWeightGradient,
} from "./depthwise_conv.ts";
export { dropout } from "./dropout.ts";
export { epilogue, prefill } from "./epilogue.ts";
export { expertMix, expertMixChunks, expertMixSum } from "./expert_mix.ts";
export { gelu, geluGradient } from "./gelu.ts";
export { normChunks, normFinish } from "./global_norm.ts";
export {
  groupedInputGradient,
  groupedLinear,
  groupedWeightGradient,
} from "./grouped_linear.ts";
export { cutTokens, insertTokens } from "./insert_tokens.ts";
export { layerNorm } from "./layer_norm.ts";
export {
  layerNormGradient,
  layerNormParameterGradient,
} from "./layer_norm_gradient.ts";
export {
  matmulChunks,
  matmulMultiply,
  matmulPack,
  matmulSum,
} from "./matmul.ts";
export { meanTokens, spreadTokens } from "./mean_tokens.ts";
export { patches, unpatches } from "./patches.ts";
export { quickGelu, quickGeluGradient } from "./quick_gelu.ts";
export { relu, reluGradient } from "./relu.ts";
export { scaleRows } from "./scale_rows.ts";
export { scaleShift, scaleShiftGradient } from "./scale_shift.ts";
export { depthToSpace, spaceToDepth } from "./space_to_depth.ts";
export { embedTokens, padTokens, takeTokens } from "./tokens.ts";
export { transpose } from "./transpose.ts";
export { windowAttention } from "./window_attention.ts";
export {
  windowAttentionGradient,
  windowTableGradient,
} from "./window_attention_gradient.ts";
export { windowPartition, windowReverse } from "./windows.ts";
