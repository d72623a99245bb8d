/**
 * Uses of attention and of the ops that put tokens together and take them.
 *
 * @module
 */

import { attentionOp } from "../../core/ops/attention.ts";
import { present } from "../../core/ops/check.ts";
import type { Fill, KernelCase } from "./kernel_cases.ts";

const normal = (...shape: number[]): Fill => ({ shape, kind: "normal" });

function attentionCases(): KernelCase[] {
  const cases: KernelCase[] = [];
  for (
    const [batch, tokens, heads, size] of [
      [1, 1, 1, 1],
      [1, 3, 2, 2],
      [2, 5, 3, 4],
      [3, 17, 2, 16],
      [2, 65, 3, 64],
      [11, 66, 3, 64],
      [1, 363, 1, 64],
      [1, 197, 2, 64],
      [1, 67, 5, 8],
      [1, 33, 1, 80],
      // Heads, and images, in several turns on software adapters.
      [1, 363, 17, 4],
      [41, 66, 3, 4],
    ]
  ) {
    const width = heads * size;
    const attributes = { batch, tokens, heads, width };
    cases.push({
      op: "attention",
      attributes,
      inputs: [normal(batch, tokens, 3 * width)],
      large: tokens > 5,
    }, {
      op: "attention",
      attributes,
      inputs: [{ shape: [batch, tokens, 3 * width], kind: "large" }],
      large: true,
    }, {
      op: "attention_gradient",
      attributes,
      inputs: [
        normal(batch, tokens, width),
        normal(batch, tokens, 3 * width),
        normal(batch, tokens, width),
        normal(batch, heads, tokens),
      ],
      complete: ([dy, qkv]) => [
        present(dy),
        present(qkv),
        ...attentionOp.reference([qkv], attributes),
      ],
    });
  }
  return cases;
}

function tokenRangeCases(): KernelCase[] {
  const cases: KernelCase[] = [];
  for (const [batch, tokens, width] of [[1, 2, 1], [3, 5, 6], [2, 17, 192]]) {
    const large = batch * tokens * width > 200;
    const size = { batch, tokens, width };
    cases.push(
      {
        op: "embed_tokens",
        attributes: size,
        inputs: [
          normal(batch, tokens - 1, width),
          normal(1, 1, width),
          normal(1, tokens, width),
        ],
        large,
      },
    );
    for (const [start, count] of [[0, 1], [1, tokens - 1], [0, tokens]]) {
      const attributes = { ...size, start, count };
      const part = normal(batch, count, width);
      cases.push(
        {
          op: "take_tokens",
          attributes,
          inputs: [normal(batch, tokens, width)],
          large,
        },
        { op: "pad_tokens", attributes, inputs: [part, undefined], large },
        {
          op: "pad_tokens",
          attributes,
          inputs: [part, normal(batch, tokens, width)],
          large,
        },
      );
    }
  }
  for (const [batch, size, patch] of [[1, 2, 1], [2, 6, 3], [3, 32, 8]]) {
    const channels = 3;
    const attributes = { batch, channels, size, patch };
    const grid = size / patch;
    const [image, cut] = [
      normal(batch, channels, size, size),
      normal(batch, grid * grid, channels * patch * patch),
    ];
    const large = batch * size > 12;
    cases.push(
      { op: "patches", attributes, inputs: [image], large },
      { op: "unpatches", attributes, inputs: [cut] },
    );
  }
  return cases;
}

/** All of them. */
export function tokenCases(): KernelCase[] {
  return [...attentionCases(), ...tokenRangeCases()];
}
