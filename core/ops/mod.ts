/**
 * The registry of ops: a new op is one file, its test, and one line here.
 *
 * @module
 */

import type { Op } from "../graph/graph.ts";
import { adamwOp, globalNormOp } from "./adamw.ts";
import { attentionGradientOp, attentionOp } from "./attention.ts";
import { columnSumOp } from "./column_sum.ts";
import { crossEntropyGradientOp, crossEntropyOp } from "./cross_entropy.ts";
import { dropoutOp, scaleRowsOp } from "./dropout.ts";
import { addOp, copyOp } from "./elementwise.ts";
import { expertMixGradientOp, expertMixOp } from "./experts.ts";
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
import { patchesOp, unpatchesOp } from "./patches.ts";
import { quickGeluGradientOp, quickGeluOp } from "./quick_gelu.ts";
import { reluGradientOp, reluOp } from "./relu.ts";
import { scaleShiftGradientOp, scaleShiftOp } from "./scale_shift.ts";
import { embedTokensOp, padTokensOp, takeTokensOp } from "./tokens.ts";
import { transposeOp } from "./transpose.ts";

/** Every op by its name, which is also its kernel's name on each engine. */
export const ops: ReadonlyMap<string, Op> = new Map(
  [
    adamwOp,
    addOp,
    attentionGradientOp,
    attentionOp,
    columnSumOp,
    copyOp,
    crossEntropyGradientOp,
    crossEntropyOp,
    cutTokensOp,
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
    padTokensOp,
    patchesOp,
    quickGeluGradientOp,
    quickGeluOp,
    reluGradientOp,
    reluOp,
    scaleRowsOp,
    scaleShiftGradientOp,
    scaleShiftOp,
    takeTokensOp,
    transposeOp,
    unpatchesOp,
  ].map((op) => [op.name, op]),
);
