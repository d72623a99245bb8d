/**
 * Along which axis a kernel call can be cut, and what becomes of its operands.
 *
 * Most operands have one row for each row of the axis and are cut with it. The
 * others are needed whole by every part, or are sums over the axis.
 *
 * @module
 */
import type { KernelCall } from "../engine.ts";

/** How calls of a kernel are cut. */
export interface Rule {
  /** The attribute that counts the rows. */
  readonly axis: string;
  /** Inputs that every part needs whole. */
  readonly whole?: readonly number[];
  /** Inputs that are added once, to the sums of the first part. */
  readonly once?: readonly number[];
  /** Outputs that are sums over the axis. */
  readonly sums?: readonly number[];
  /** Attributes of a part besides the axis. */
  attributes?(
    attributes: KernelCall["attributes"],
    first: number,
    rows: number,
  ): Record<string, number>;
  /** Parts start at multiples of this attribute. */
  readonly multiple?: string;
}

const elements: Rule = { axis: "count" };
const images: Rule = { axis: "batch" };

/** Prompts are one set for all images, or one for each. */
const prompts: Rule = {
  axis: "batch",
  attributes: ({ sets }, _, rows) => ({ sets: sets === 1 ? 1 : rows }),
};

/**
 * The rules by kernel. Products and norms have their own; the loss is a mean
 * over labelled rows, and a transposition has rows of one axis only on one side:
 * these stay whole.
 */
export const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["adamw", { axis: "count", whole: [4, 5] }],
  ["add", elements],
  ["aggregate_experts", { axis: "rows", whole: [1, 2, 3] }],
  ["aggregate_experts_gradient", { axis: "rows", once: [6], sums: [0, 1, 2] }],
  ["attention", images],
  ["attention_gradient", images],
  ["column_sum", { axis: "m", once: [1], sums: [0] }],
  ["copy", elements],
  ["cut_tokens", prompts],
  ["depth_to_space", images],
  ["depthwise_conv", { axis: "batch", whole: [1, 2] }],
  ["depthwise_conv_weight_gradient", { axis: "batch", once: [2], sums: [0] }],
  ["dropout", {
    axis: "count",
    whole: [1],
    multiple: "group",
    attributes: (before, first) => ({ first: (before.first ?? 0) + first }),
  }],
  ["embed_tokens", { axis: "batch", whole: [1, 2] }],
  ["expert_mix", { axis: "rows", whole: [1] }],
  ["expert_mix_gradient", { axis: "rows", once: [2], sums: [0] }],
  ["gelu", elements],
  ["gelu_gradient", elements],
  ["grouped_input_gradient", { axis: "m", whole: [1] }],
  ["grouped_linear", { axis: "m", whole: [1, 2] }],
  ["grouped_weight_gradient", { axis: "m", once: [2], sums: [0] }],
  ["insert_tokens", prompts],
  ["layer_norm", { axis: "m", whole: [1, 2] }],
  ["layer_norm_gradient", { axis: "m", whole: [2] }],
  ["layer_norm_parameter_gradient", { axis: "m", sums: [0, 1] }],
  ["mean_tokens", images],
  ["pad_tokens", images],
  ["patches", images],
  ["quick_gelu", elements],
  ["quick_gelu_gradient", elements],
  ["relu", elements],
  ["relu_gradient", elements],
  ["scale_rows", { axis: "rows" }],
  ["scale_shift", { axis: "m", whole: [1, 2] }],
  ["scale_shift_gradient", { axis: "m", sums: [0, 1] }],
  ["space_to_depth", images],
  ["spread_tokens", images],
  ["take_tokens", images],
  ["unpatches", images],
  ["window_attention", { axis: "batch", whole: [1] }],
  ["window_attention_gradient", { axis: "batch", whole: [2], sums: [1] }],
  ["window_partition", images],
  ["window_reverse", images],
]);

/** Inputs with one set for all images, which no rule can name by itself. */
export function isWhole(call: KernelCall, rule: Rule, input: number): boolean {
  if (rule.whole?.includes(input)) return true;
  return rule === prompts && input === 1 && call.attributes.sets === 1;
}
