/**
 * Uses of the ops that only methods apply.
 *
 * @module
 */

import type { Fill, KernelCase } from "./kernel_cases.ts";

const normal = (...shape: number[]): Fill => ({ shape, kind: "normal" });

function reluCases(): KernelCase[] {
  return [1, 3, 4, 7, 64, 65, 1023].flatMap((count): KernelCase[] => [
    {
      op: "relu",
      attributes: { count },
      inputs: [normal(count)],
      large: count > 100,
    },
    {
      op: "relu_gradient",
      attributes: { count },
      inputs: [normal(count), normal(count)],
    },
  ]);
}

function insertCases(): KernelCase[] {
  const cases: KernelCase[] = [];
  const sizes: [batch: number, tokens: number, width: number, count: number][] =
    [[1, 1, 1, 1], [2, 4, 3, 2], [3, 17, 48, 5]];
  for (const [batch, tokens, width, count] of sizes) {
    for (const start of [0, 1]) {
      for (const skip of [0, Math.min(count, tokens - start)]) {
        for (const sets of [1, batch]) {
          const size = { batch, tokens, width, start, count, skip, sets };
          const total = tokens - skip + count;
          cases.push({
            op: "insert_tokens",
            attributes: size,
            inputs: [normal(batch, tokens, width), normal(sets, count, width)],
            large: batch * tokens * width > 200,
          }, {
            op: "cut_tokens",
            attributes: size,
            inputs: [normal(batch, total, width)],
          });
        }
      }
    }
  }
  return cases;
}

function groupedCases(): KernelCase[] {
  const cases: KernelCase[] = [];
  const sizes: [m: number, groups: number, k: number, n: number][] = [
    [1, 1, 1, 1],
    [3, 2, 3, 1],
    [5, 3, 2, 4],
    [9, 4, 1, 6],
    [133, 12, 2, 6],
    [2100, 4, 8, 2],
    [7, 2, 12, 6],
    [17, 4, 4, 4],
    [6, 1, 21, 8],
  ];
  for (const [m, groups, k, n] of sizes) {
    for (const shuffle of [0, 1]) {
      const attributes = { m, groups, k, n, shuffle };
      const weight = normal(groups * n, k);
      const [x, y] = [normal(m, groups * k), normal(m, groups * n)];
      const bare = (m + shuffle) % 2 === 0;
      cases.push({
        op: "grouped_linear",
        attributes,
        inputs: [
          x,
          weight,
          bare ? undefined : normal(groups * n),
          bare ? undefined : y,
        ],
        large: m > 10,
      }, {
        op: "grouped_input_gradient",
        attributes,
        inputs: [y, weight, bare ? undefined : x],
      }, {
        op: "grouped_weight_gradient",
        attributes,
        inputs: [y, x, bare ? undefined : weight],
      });
    }
  }
  return cases;
}

/** Every case of them. */
export const methodCases: readonly KernelCase[] = [
  ...reluCases(),
  ...insertCases(),
  ...groupedCases(),
];
