/**
 * The registry of ops: a new op is one file, its test, and one line here.
 *
 * @module
 */

import type { Op } from "../graph/graph.ts";
import { adamwOp, globalNormOp } from "./adamw.ts";
import {
  aggregateExpertsGradientOp,
  aggregateExpertsOp,
} from "./aggregate_experts.ts";
import { attentionGradientOp, attentionOp } from "./attention.ts";
import { columnSumOp } from "./column_sum.ts";
import { crossEntropyGradientOp, crossEntropyOp } from "./cross_entropy.ts";
import {
  depthwiseConvOp,
  depthwiseConvWeightGradientOp,
} from "./depthwise_conv.ts";
import { dropoutOp, scaleRowsOp } from "./dropout.ts";
import { addOp, copyOp } from "./elementwise.ts";
import { expertMixGradientOp, expertMixOp } from "./expert_mix.ts";
import { gelu, geluGradientOp } from "./gelu.ts";
import {
  groupedInputGradientOp,
  groupedLinearOp,
  groupedWeightGradientOp,
} from "./grouped_linear.ts";
import { cutTokensOp, insertTokensOp } from "./insert_tokens.ts";
import {
  layerNormGradientOp,
  layerNormOp,
  layerNormParameterGradientOp,
} from "./layer_norm.ts";
import { matmul } from "./matmul.ts";
import { meanTokensOp, spreadTokensOp } from "./mean_tokens.ts";
import { patchesOp, unpatchesOp } from "./patches.ts";
import { quickGeluGradientOp, quickGeluOp } from "./quick_gelu.ts";
import { reluGradientOp, reluOp } from "./relu.ts";
import { scaleShiftGradientOp, scaleShiftOp } from "./scale_shift.ts";
import { depthToSpaceOp, spaceToDepthOp } from "./space_to_depth.ts";
import { embedTokensOp, padTokensOp, takeTokensOp } from "./tokens.ts";
import { transposeOp } from "./transpose.ts";
import {
  windowAttentionGradientOp,
  windowAttentionOp,
} from "./window_attention.ts";
import { windowPartitionOp, windowReverseOp } from "./windows.ts";

/** Every op by its name, which is also its kernel's name on each engine. */
export const ops: ReadonlyMap<string, Op> = new Map(
  [
    adamwOp,
    addOp,
    aggregateExpertsGradientOp,
    aggregateExpertsOp,
    attentionGradientOp,
    attentionOp,
    columnSumOp,
    copyOp,
    crossEntropyGradientOp,
    crossEntropyOp,
    cutTokensOp,
    depthToSpaceOp,
    depthwiseConvOp,
    depthwiseConvWeightGradientOp,
    dropoutOp,
    embedTokensOp,
    expertMixGradientOp,
    expertMixOp,
    gelu,
    geluGradientOp,
    globalNormOp,
    groupedInputGradientOp,
    groupedLinearOp,
    groupedWeightGradientOp,
    insertTokensOp,
    layerNormGradientOp,
    layerNormOp,
    layerNormParameterGradientOp,
    matmul,
    meanTokensOp,
    padTokensOp,
    patchesOp,
    quickGeluGradientOp,
    quickGeluOp,
    reluGradientOp,
    reluOp,
    scaleRowsOp,
    scaleShiftGradientOp,
    scaleShiftOp,
    spaceToDepthOp,
    spreadTokensOp,
    takeTokensOp,
    transposeOp,
    unpatchesOp,
    windowAttentionGradientOp,
    windowAttentionOp,
    windowPartitionOp,
    windowReverseOp,
  ].map((op) => [op.name, op]),
);
