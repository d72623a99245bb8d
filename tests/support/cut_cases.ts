/**
 * Uses of ops with rows enough to be cut at multiples of 256 bytes, where the
 * awkward shapes of the other cases have none.
 *
 * @module
 */

import { attentionOp } from "../../core/ops/attention.ts";
import { present } from "../../core/ops/check.ts";
import type { Fill, KernelCase } from "./kernel_cases.ts";

const normal = (...shape: number[]): Fill => ({ shape, kind: "normal" });
const positive = (...shape: number[]): Fill => ({ shape, kind: "positive" });

const attention = { batch: 5, tokens: 16, heads: 4, width: 64 };
const rows = { m: 300, n: 12 };
const map = { batch: 4, size: 8, channels: 8, kernel: 3 };
const tokens = { batch: 6, tokens: 8, width: 32 };
const prompts = { ...tokens, start: 1, count: 2, skip: 0 };

const product = { transA: 0, transB: 0, alpha: 0.5, activation: 0 };

/** Products that are cut by rows, by columns and along their sum. */
const products: readonly KernelCase[] = [
  {
    op: "matmul",
    attributes: { ...product, m: 200, n: 24, k: 16 },
    inputs: [normal(200, 16), normal(16, 24), normal(24), normal(200, 24)],
  },
  {
    op: "matmul",
    attributes: { ...product, m: 9, n: 500, k: 40, transB: 1, activation: 1 },
    inputs: [normal(9, 40), normal(500, 40), normal(500), normal(9, 500)],
  },
  {
    op: "matmul",
    attributes: { ...product, m: 9, n: 40, k: 500 },
    inputs: [normal(9, 500), normal(500, 40), normal(40), normal(9, 40)],
  },
  {
    op: "matmul",
    attributes: { ...product, m: 24, n: 20, k: 900, transA: 1 },
    inputs: [normal(900, 24), normal(900, 20), undefined, normal(24, 20)],
  },
  {
    op: "matmul",
    attributes: { ...product, m: 300, n: 200, k: 8, transA: 1, transB: 1 },
    inputs: [normal(8, 300), normal(200, 8), undefined, undefined],
  },
];

const adapter = { rows: 100, experts: 4, rank: 4, chunk: 16, alpha: 0.5 };
const narrow = normal(100, 4, 4, 4);

const experts: readonly KernelCase[] = [
  ...[0, 1].map((keep): KernelCase => ({
    op: "aggregate_experts",
    attributes: { ...adapter, keep, transpose: keep },
    inputs: [
      normal(100, 64),
      normal(4, 16, 4),
      normal(4, 4, 16),
      normal(4, 4, 4),
      keep ? undefined : normal(100, 64),
    ],
  })),
  {
    op: "aggregate_experts_gradient",
    attributes: { ...adapter, keep: 1, transpose: 0 },
    inputs: [
      normal(100, 64),
      normal(100, 64),
      narrow,
      narrow,
      narrow,
      narrow,
      normal(4, 4, 4),
    ],
  },
];

/** Every case. */
export const cutCases: readonly KernelCase[] = [
  ...products,
  ...experts,
  { op: "attention", attributes: attention, inputs: [normal(5, 16, 192)] },
  {
    op: "attention_gradient",
    attributes: attention,
    inputs: [
      normal(5, 16, 64),
      normal(5, 16, 192),
      normal(5, 16, 64),
      normal(5, 4, 16),
    ],
    complete: ([dy, qkv]) => [
      present(dy),
      present(qkv),
      ...attentionOp.reference([qkv], attention),
    ],
  },
  {
    op: "layer_norm",
    attributes: { ...rows, eps: 1e-6 },
    inputs: [normal(300, 12), normal(12), normal(12)],
  },
  {
    op: "layer_norm_gradient",
    attributes: rows,
    inputs: [
      normal(300, 12),
      normal(300, 12),
      normal(12),
      normal(300),
      positive(300),
      normal(300, 12),
    ],
  },
  {
    op: "layer_norm_parameter_gradient",
    attributes: rows,
    inputs: [normal(300, 12), normal(300, 12), normal(300), positive(300)],
  },
  {
    op: "scale_rows",
    attributes: { rows: 300, width: 12 },
    inputs: [normal(300, 12), normal(300), normal(300, 12)],
  },
  {
    op: "depthwise_conv",
    attributes: { ...map, flip: 0 },
    inputs: [normal(4, 64, 8), normal(9, 8), normal(8), normal(4, 64, 8)],
  },
  {
    op: "depthwise_conv_weight_gradient",
    attributes: map,
    inputs: [normal(4, 64, 8), normal(4, 64, 8), normal(9, 8)],
  },
  {
    op: "mean_tokens",
    attributes: tokens,
    inputs: [normal(6, 8, 32)],
  },
  {
    op: "spread_tokens",
    attributes: tokens,
    inputs: [normal(6, 32)],
  },
  ...[1, tokens.batch].flatMap((sets): KernelCase[] => [
    {
      op: "insert_tokens",
      attributes: { ...prompts, sets },
      inputs: [normal(6, 8, 32), normal(sets, 2, 32)],
    },
    {
      op: "cut_tokens",
      attributes: { ...prompts, sets },
      inputs: [normal(6, 10, 32)],
    },
  ]),
];
