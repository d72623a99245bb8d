/**
 * Small uses of every kernel, by family, for {@linkcode checkKernels}. The first
 * kernel of a family stands for it where a device is opened. Sizes are the
 * smallest that have a remainder in every tile and a second workgroup where sums
 * cross workgroups; every pipeline more is time before the first step.
 *
 * @module
 */

/** What an operand holds. */
export type Operand =
  /** Numbers between -1 and 1; `positive` ones between 0.1 and 1.1. */
  | { readonly shape: readonly number[]; readonly positive?: boolean }
  /** These numbers. */
  | { readonly values: readonly number[]; readonly dtype: "f32" | "i32" }
  /** A result of the first check of a kernel in the same family. */
  | { readonly kernel: string; readonly result: number };

/** One call of a kernel. */
export interface KernelCheck {
  readonly kernel: string;
  readonly attributes: Readonly<Record<string, number>>;
  readonly inputs: readonly (Operand | undefined)[];
  /** Shapes. */
  readonly outputs: readonly (readonly number[] | undefined)[];
  /** Inputs that the kernel writes. */
  readonly mutates?: readonly number[];
}

const some = (...shape: number[]): Operand => ({ shape });
const positive = (...shape: number[]): Operand => ({ shape, positive: true });
const floats = (...values: number[]): Operand => ({ values, dtype: "f32" });
const integers = (...values: number[]): Operand => ({ values, dtype: "i32" });
const of = (kernel: string, result = 0): Operand => ({ kernel, result });

function check(
  kernel: string,
  attributes: KernelCheck["attributes"],
  inputs: KernelCheck["inputs"],
  ...outputs: KernelCheck["outputs"]
): KernelCheck {
  return { kernel, attributes, inputs, outputs };
}

const product = { transA: 0, transB: 0, alpha: 0.5, activation: 0 };

const matrixProducts: readonly KernelCheck[] = [
  // Large enough for the tiles that a model's products have, by vectors on
  // software adapters: the very pipelines that its plan needs.
  check(
    "matmul",
    { ...product, m: 50, n: 228, k: 20, transB: 1, activation: 1 },
    [some(50, 20), some(228, 20), some(228), some(50, 228)],
    [50, 228],
    [50, 228],
  ),
  // Long enough to be split.
  check(
    "matmul",
    { ...product, m: 37, n: 21, k: 300, transA: 1, activation: 1 },
    [some(300, 37), some(300, 21), some(21), some(37, 21)],
    [37, 21],
    [37, 21],
  ),
];

const attention: readonly KernelCheck[] = [
  check(
    "attention",
    { batch: 2, tokens: 17, heads: 3, width: 24 },
    [some(2, 17, 72)],
    [2, 17, 24],
    [2, 3, 17],
  ),
  check(
    "attention_gradient",
    { batch: 2, tokens: 17, heads: 3, width: 24 },
    [some(2, 17, 24), some(2, 17, 72), of("attention"), of("attention", 1)],
    [2, 17, 72],
  ),
];

const long = { batch: 1, tokens: 2050, heads: 1, width: 4 };

/** More tokens than those of attention_products.ts. */
const longAttention: readonly KernelCheck[] = [
  check("attention", long, [some(1, 2050, 12)], [1, 2050, 4], [1, 1, 2050]),
  check(
    "attention_gradient",
    long,
    [
      some(1, 2050, 4),
      some(1, 2050, 12),
      of("attention"),
      of("attention", 1),
    ],
    [1, 2050, 12],
  ),
];

const norms: readonly KernelCheck[] = [
  // Rows of vectors, and rows of numbers.
  ...[36, 37].flatMap((n) => [
    check(
      "layer_norm",
      { m: 9, n, eps: 1e-6 },
      [some(9, n), some(n), some(n)],
      [9, n],
      [9],
      [9],
    ),
    check(
      "layer_norm_gradient",
      { m: 9, n },
      [
        some(9, n),
        some(9, n),
        some(n),
        of("layer_norm", 1),
        of("layer_norm", 2),
        some(9, n),
      ],
      [9, n],
    ),
    check(
      "layer_norm_parameter_gradient",
      { m: 9, n },
      [some(9, n), some(9, n), of("layer_norm", 1), of("layer_norm", 2)],
      [n],
      [n],
    ),
    check(
      "scale_shift",
      { m: 9, n },
      [some(9, n), some(n), some(n), some(9, n)],
      [9, n],
    ),
    check(
      "scale_shift_gradient",
      { m: 9, n },
      [some(9, n), some(9, n)],
      [n],
      [n],
    ),
    check("column_sum", { m: 9, n }, [some(9, n), some(n)], [n]),
  ]),
];

/** Groups of as many inputs as outputs: rows of vectors or of numbers. */
function groupedChecks(groups: number, k: number): KernelCheck[] {
  const [all, width] = [{ m: 9, groups, k, n: k, shuffle: 1 }, groups * k];
  const [rows, w, bias] = [some(9, width), some(width, k), some(width)];
  return [
    check("grouped_linear", all, [rows, w, bias, rows], [9, width]),
    check("grouped_input_gradient", all, [rows, w, rows], [9, width]),
    check("grouped_weight_gradient", all, [rows, rows, w], [width, k]),
  ];
}

const adapter = { rows: 9, experts: 3, rank: 4, chunk: 12, alpha: 0.5 };

const experts: readonly KernelCheck[] = [
  check(
    "aggregate_experts",
    { ...adapter, keep: 1, transpose: 0 },
    [some(9, 36), some(3, 12, 4), some(3, 4, 12), some(3, 3, 3), undefined],
    [9, 36],
    [9, 3, 3, 4],
    [9, 3, 3, 4],
  ),
  check(
    "aggregate_experts",
    { ...adapter, keep: 0, transpose: 1 },
    [some(9, 36), some(3, 12, 4), some(3, 4, 12), some(3, 3, 3), some(9, 36)],
    [9, 36],
    [9, 3, 3, 4],
    [9, 3, 3, 4],
  ),
  check(
    "aggregate_experts_gradient",
    adapter,
    [
      some(9, 36),
      some(9, 36),
      some(9, 3, 3, 4),
      some(9, 3, 3, 4),
      some(9, 3, 3, 4),
      some(9, 3, 3, 4),
      some(3, 3, 3),
    ],
    [3, 3, 3],
    [3, 12, 4],
    [3, 4, 12],
  ),
  ...groupedChecks(4, 2),
  ...groupedChecks(3, 3),
  // Ranks of numbers, and of vectors.
  ...[2, 4].map((rank) =>
    check(
      "expert_mix",
      { rows: 9, experts: 3, rank, transpose: 0 },
      [some(9, 3, 3, rank), some(3, 3, 3)],
      [9, 3, 3, rank],
    )
  ),
  check(
    "expert_mix_gradient",
    { rows: 9, experts: 3, rank: 2 },
    [some(9, 3, 3, 2), some(9, 3, 3, 2), some(3, 3, 3)],
    [3, 3, 3],
  ),
];

const COUNT = 301;

const elementwise: readonly KernelCheck[] = [
  ...["gelu", "quick_gelu", "relu"].flatMap((name) => [
    check(name, { count: COUNT }, [some(COUNT)], [COUNT]),
    check(
      `${name}_gradient`,
      { count: COUNT },
      [some(COUNT), some(COUNT)],
      [COUNT],
    ),
  ]),
  check("copy", { count: COUNT }, [some(COUNT)], [COUNT]),
  check(
    "add",
    { count: COUNT, alpha: -0.75 },
    [some(COUNT), some(COUNT)],
    [COUNT],
  ),
  ...[36, 37].map((width) =>
    check(
      "scale_rows",
      { rows: 9, width },
      [some(9, width), some(9), some(9, width)],
      [9, width],
    )
  ),
  check(
    "dropout",
    { count: COUNT, rate: 0.3, site: 2, group: 3 },
    [some(COUNT), integers(123_456_789, 987_654_321)],
    [COUNT],
  ),
];

const training: readonly KernelCheck[] = [
  check(
    "cross_entropy",
    { batch: 5, classes: 7, smoothing: 0.1 },
    [some(5, 7), integers(0, 6, -1, 3, 2)],
    [1],
    [1],
  ),
  check(
    "cross_entropy_gradient",
    { batch: 5, classes: 7, smoothing: 0.1 },
    [some(5, 7), integers(0, 6, -1, 3, 2), floats(0.5)],
    [5, 7],
  ),
  check("global_norm", { count: COUNT }, [some(COUNT)], [1]),
  {
    kernel: "adamw",
    attributes: { count: COUNT },
    inputs: [
      some(COUNT),
      some(COUNT),
      some(COUNT),
      positive(COUNT),
      of("global_norm"),
      floats(0.01, 0.9, 0.999, 1e-8, 0.01, 1, 0.19, 0.002),
    ],
    outputs: [],
    mutates: [0, 2, 3],
  },
];

const images = { batch: 2, channels: 3, size: 6, patch: 3 };
const rows = { batch: 2, tokens: 5, width: 6 };

/** Tokens that are vectors, or numbers. */
function tokenChecks(width: number): KernelCheck[] {
  const size = { ...rows, width };
  const taken = { ...size, start: 1, count: 2 };
  const prompts = { ...taken, skip: 1, sets: 1 };
  const [cls, prompt, places] = [1, 2, 5].map((count) => some(1, count, width));
  const both = (count: number) => some(2, count, width);
  return [
    check("embed_tokens", size, [both(4), cls, places], [2, 5, width]),
    check("take_tokens", taken, [both(5)], [2, 2, width]),
    check("pad_tokens", taken, [both(2), undefined], [2, 5, width]),
    check("insert_tokens", prompts, [both(5), prompt], [2, 6, width]),
    check("cut_tokens", prompts, [both(6)], [2, 5, width]),
  ];
}

const tokens: readonly KernelCheck[] = [
  ...tokenChecks(8),
  ...tokenChecks(6),
  check("patches", images, [some(2, 3, 6, 6)], [2, 4, 27]),
  check("unpatches", images, [some(2, 4, 27)], [2, 3, 6, 6]),
  check("mean_tokens", rows, [some(2, 5, 6)], [2, 6]),
  check("spread_tokens", rows, [some(2, 6)], [2, 5, 6]),
  check("transpose", { a: 3, b: 5, c: 2 }, [some(3, 5, 2)], [5, 3, 2]),
];

const blocks = { batch: 2, size: 4, channels: 3, patch: 2, merge: 1 };
const map = { batch: 2, size: 4, channels: 8, kernel: 3 };

const maps: readonly KernelCheck[] = [
  check(
    "depthwise_conv",
    { ...map, flip: 0 },
    [some(2, 16, 8), some(9, 8), some(8), some(2, 16, 8)],
    [2, 16, 8],
  ),
  check(
    "depthwise_conv_weight_gradient",
    map,
    [some(2, 16, 8), some(2, 16, 8), some(9, 8)],
    [9, 8],
  ),
  check("space_to_depth", blocks, [some(2, 16, 3)], [2, 4, 12]),
  check("depth_to_space", blocks, [some(2, 4, 12)], [2, 16, 3]),
];

const windowed = { batch: 2, size: 4, window: 2, shift: 1 };
const heads = { ...windowed, heads: 3, width: 12 };

const windows: readonly KernelCheck[] = [
  check(
    "window_attention",
    heads,
    [some(8, 4, 36), some(9, 3)],
    [8, 4, 12],
    [8, 3, 4],
  ),
  check(
    "window_attention_gradient",
    heads,
    [
      some(8, 4, 12),
      some(8, 4, 36),
      some(9, 3),
      of("window_attention"),
      of("window_attention", 1),
    ],
    [8, 4, 36],
    [9, 3],
  ),
  ...[12, 6].flatMap((channels) => [
    check(
      "window_partition",
      { ...windowed, channels },
      [some(2, 16, channels)],
      [8, 4, channels],
    ),
    check(
      "window_reverse",
      { ...windowed, channels },
      [some(8, 4, channels), some(2, 16, channels)],
      [2, 16, channels],
    ),
  ]),
];

/** The family of the attention kernels that software adapters use at length. */
export const LONG_ATTENTION = "attention at length";

/** Every kernel's checks, by the name of its family. */
export const kernelChecks: ReadonlyMap<string, readonly KernelCheck[]> =
  new Map([
    ["matrix product", matrixProducts],
    ["attention", attention],
    [LONG_ATTENTION, longAttention],
    ["layer norm", norms],
    ["expert", experts],
    ["elementwise", elementwise],
    ["loss and update", training],
    ["token", tokens],
    ["feature map", maps],
    ["window", windows],
  ]);
