/**
 * Uses of every op at awkward shapes, for the engines and the gradient checks.
 *
 * @module
 */

import type { Attributes } from "../../core/graph/graph.ts";
import { mapCases } from "./map_cases.ts";
import { methodCases } from "./method_cases.ts";
import { tokenCases } from "./token_cases.ts";

/** How an input of a case is filled. */
export type Fill =
  | { shape: number[]; kind: "normal" | "positive" | "large" }
  | { shape: number[]; kind: "labels"; classes: number }
  | { shape: number[]; kind: "key" }
  | { shape: number[]; kind: "values"; values: number[] };

/** One use of an op. */
export interface KernelCase {
  op: string;
  attributes: Attributes;
  inputs: (Fill | undefined)[];
  /** Fills the inputs that must agree with others. */
  complete?: (inputs: (Float64Array | undefined)[]) => Float64Array[];
  /** Too large for finite differences; engines run it all the same. */
  large?: boolean;
}

const normal = (...shape: number[]): Fill => ({ shape, kind: "normal" });
const positive = (...shape: number[]): Fill => ({ shape, kind: "positive" });

function matmulCases(): KernelCase[] {
  const cases: KernelCase[] = [];
  const sizes: [m: number, n: number, k: number][] = [
    [1, 1, 1],
    [1, 7, 5],
    [3, 1, 4],
    [4, 16, 8],
    [5, 17, 9],
    [17, 15, 33],
    [64, 64, 64],
    [65, 63, 67],
    [197, 192, 48],
    [130, 96, 257],
  ];
  for (const [m, n, k] of sizes) {
    for (const [transA, transB] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
      const bare = (m + n + k + transA) % 2 === 0;
      cases.push({
        op: "matmul",
        attributes: {
          m,
          n,
          k,
          transA,
          transB,
          alpha: bare ? 1 : 0.5,
          activation: transA ? 0 : transB,
        },
        inputs: [
          transA ? normal(k, m) : normal(m, k),
          transB ? normal(n, k) : normal(k, n),
          bare ? undefined : normal(n),
          m % 2 ? normal(m, n) : undefined,
        ],
        large: m * n * k > 2000,
      });
    }
  }
  for (
    const [m, n, k, transA, transB] of [
      [4000, 16, 48, 0, 0],
      [4000, 48, 16, 0, 0],
      [48, 16, 5003, 1, 0],
      [16, 48, 5003, 1, 0],
      [13, 11, 4099, 1, 0],
      [3, 10, 192, 0, 1],
      [544, 768, 192, 0, 1],
      [192, 768, 544, 1, 0],
    ]
  ) {
    cases.push({
      op: "matmul",
      attributes: { m, n, k, transA, transB, alpha: 1, activation: 0 },
      inputs: [
        transA ? normal(k, m) : normal(m, k),
        transB ? normal(n, k) : normal(k, n),
        undefined,
        undefined,
      ],
      large: true,
    });
  }
  return cases;
}

function rowCases(): KernelCase[] {
  const cases: KernelCase[] = [];
  for (const [m, n] of [[1, 1], [1, 5], [3, 4], [7, 33], [65, 192], [5, 769]]) {
    const large = m * n > 300;
    const norm = { m, n };
    cases.push(
      { op: "column_sum", attributes: norm, inputs: [normal(m, n)], large },
      {
        op: "column_sum",
        attributes: norm,
        inputs: [normal(m, n), normal(n)],
        large,
      },
      {
        op: "layer_norm",
        attributes: { m, n, eps: 1e-6 },
        // One element per row has no variance: its gradient is degenerate.
        inputs: [normal(m, n), normal(n), normal(n)],
        large: large || n === 1,
      },
      {
        op: "layer_norm",
        attributes: { m, n, eps: 1e-3 },
        inputs: [{ shape: [m, n], kind: "large" }, normal(n), normal(n)],
        large: true,
      },
      {
        op: "scale_shift",
        attributes: norm,
        inputs: [normal(m, n), normal(n), normal(n), normal(m, n)],
        large,
      },
      {
        op: "scale_shift",
        attributes: norm,
        inputs: [normal(m, n), normal(n), undefined, undefined],
        large,
      },
      {
        op: "scale_shift_gradient",
        attributes: norm,
        inputs: [normal(m, n), normal(m, n)],
      },
      ...[undefined, normal(m, n)].map((addend): KernelCase => ({
        op: "layer_norm_gradient",
        attributes: norm,
        inputs: [
          normal(m, n),
          normal(m, n),
          normal(n),
          normal(m),
          positive(m),
          addend,
        ],
      })),
      {
        op: "layer_norm_parameter_gradient",
        attributes: norm,
        inputs: [normal(m, n), normal(m, n), normal(m), positive(m)],
      },
    );
  }
  return cases;
}

function elementCases(): KernelCase[] {
  const cases: KernelCase[] = [];
  for (const count of [1, 3, 4, 7, 64, 65, 1023, 100003]) {
    const large = count > 100;
    cases.push(
      { op: "gelu", attributes: { count }, inputs: [normal(count)], large },
      {
        op: "gelu",
        attributes: { count },
        inputs: [{ shape: [count], kind: "large" }],
        large: true,
      },
      {
        op: "gelu_gradient",
        attributes: { count },
        inputs: [normal(count), { shape: [count], kind: "large" }],
      },
      {
        op: "quick_gelu",
        attributes: { count },
        inputs: [{ shape: [count], kind: "large" }],
        large,
      },
      {
        op: "quick_gelu_gradient",
        attributes: { count },
        inputs: [normal(count), { shape: [count], kind: "large" }],
      },
      {
        op: "add",
        attributes: { count, alpha: -0.75 },
        inputs: [normal(count), normal(count)],
        large,
      },
      { op: "copy", attributes: { count }, inputs: [normal(count)], large },
      {
        op: "dropout",
        attributes: { count, rate: 0.3, site: 5, group: 1 },
        inputs: [normal(count), { shape: [2], kind: "key" }],
        large,
      },
      {
        op: "dropout",
        attributes: { count, rate: 0.3, site: 0, group: 3 },
        inputs: [normal(count), { shape: [2], kind: "key" }],
        large,
      },
      { op: "global_norm", attributes: { count }, inputs: [normal(count)] },
      ...[0, 0.5].map((clip): KernelCase => ({
        op: "adamw",
        attributes: { count },
        inputs: [
          normal(count),
          normal(count),
          normal(count),
          positive(count),
          { shape: [1], kind: "values", values: [2.5] },
          {
            shape: [8],
            kind: "values",
            values: [0.01, 0.9, 0.99, 1e-6, 0.1, clip, 0.271, 0.0297],
          },
        ],
      })),
    );
  }
  return cases;
}

function expertCases(): KernelCase[] {
  const cases: KernelCase[] = [];
  const axes = [[1, 1, 1], [2, 3, 1], [37, 21, 1], [4, 48, 4], [3, 16, 2]];
  for (const [a, b, c] of axes) {
    cases.push({
      op: "transpose",
      attributes: { a, b, c },
      inputs: [normal(a, b, c)],
      large: a * b * c > 200,
    });
  }
  for (
    const [rows, experts, rank] of [
      [1, 1, 1],
      [5, 2, 3],
      [3, 3, 2],
      [34, 4, 4],
      [2100, 4, 4],
      [7, 8, 1],
    ]
  ) {
    const low = normal(rows, experts, experts, rank);
    const scale = normal(experts, experts, experts);
    const attributes = { rows, experts, rank };
    const large = rows > 10;
    for (const transpose of [0, 1]) {
      cases.push({
        op: "expert_mix",
        attributes: { ...attributes, transpose },
        inputs: [low, scale],
        large,
      });
    }
    for (const addend of [undefined, scale]) {
      cases.push({
        op: "expert_mix_gradient",
        attributes,
        inputs: [low, low, addend],
      });
    }
  }
  return cases;
}

/** Sizes for kernels as a whole, and such as are taken apart. */
const EXPERTS: readonly [
  rows: number,
  experts: number,
  rank: number,
  chunk: number,
][] = [
  [1, 1, 1, 1],
  [3, 2, 1, 4],
  [5, 2, 3, 5],
  [2, 3, 4, 8],
  [7, 2, 2, 12],
  [21, 4, 4, 48],
  [65, 4, 2, 20],
  [9, 8, 4, 140],
  [9, 4, 8, 192],
  [6, 3, 24, 16],
  [4, 16, 16, 4],
];

function aggregationCases(): KernelCase[] {
  return EXPERTS.flatMap(([rows, experts, rank, chunk], i): KernelCase[] => {
    const size = { rows, experts, rank, chunk, alpha: i % 2 ? 1 : 0.75 };
    const wide = normal(rows, experts * chunk);
    const narrow = normal(rows, experts, experts, rank);
    const scale = normal(experts, experts, experts);
    return [
      ...[0, 1, 2, 3].map((use): KernelCase => ({
        op: "aggregate_experts",
        attributes: { ...size, keep: use >> 1, transpose: use & 1 },
        inputs: [
          wide,
          normal(experts, chunk, rank),
          normal(experts, rank, chunk),
          scale,
          use < 2 && i % 3 ? wide : undefined,
        ],
        large: rows * experts * chunk > 60,
      })),
      ...[undefined, scale].map((addend): KernelCase => ({
        op: "aggregate_experts_gradient",
        attributes: { ...size, keep: 1, transpose: 0 },
        inputs: [wide, wide, narrow, narrow, narrow, narrow, addend],
      })),
    ];
  });
}

function lossCases(): KernelCase[] {
  const cases: KernelCase[] = [];
  for (
    const [batch, classes] of [[1, 1], [1, 2], [3, 5], [64, 10], [5, 1000]]
  ) {
    const large = batch * classes > 200;
    for (const smoothing of [0, 0.1]) {
      const attributes = { batch, classes, smoothing };
      const labels: Fill = { shape: [batch], kind: "labels", classes };
      cases.push(
        {
          op: "cross_entropy",
          attributes,
          inputs: [normal(batch, classes), labels],
          large,
        },
        {
          op: "cross_entropy",
          attributes,
          inputs: [{ shape: [batch, classes], kind: "large" }, labels],
          large: true,
        },
        {
          op: "cross_entropy_gradient",
          attributes,
          inputs: [normal(batch, classes), labels, normal(1)],
        },
        {
          op: "cross_entropy_gradient",
          attributes,
          inputs: [normal(batch, classes), labels, undefined],
        },
      );
    }
  }
  for (const [rows, width] of [[1, 1], [3, 7], [5, 3264]]) {
    for (const residual of [undefined, normal(rows, width)]) {
      cases.push({
        op: "scale_rows",
        attributes: { rows, width },
        inputs: [normal(rows, width), normal(rows), residual],
        large: width > 100,
      });
    }
  }
  return cases;
}

/** Every case; each op of the registry has some. */
export const kernelCases: readonly KernelCase[] = [
  ...matmulCases(),
  ...rowCases(),
  ...elementCases(),
  ...tokenCases(),
  ...expertCases(),
  ...aggregationCases(),
  ...lossCases(),
  ...mapCases(),
  ...methodCases,
];
