/**
 * Uses of the ops on channels-last maps and windows.
 *
 * @module
 */

import { present } from "../../core/ops/check.ts";
import { windowAttentionOp } from "../../core/ops/window_attention.ts";
import type { Fill, KernelCase } from "./kernel_cases.ts";

const normal = (...shape: number[]): Fill => ({ shape, kind: "normal" });

function convolutionCases(): KernelCase[] {
  const cases: KernelCase[] = [];
  for (
    const [batch, size, channels, kernel] of [
      [1, 1, 4, 1],
      [2, 3, 4, 3],
      [1, 2, 8, 7],
      [1, 8, 4, 5],
      [2, 7, 20, 7],
      [1, 14, 36, 7],
      [1, 23, 16, 7],
    ]
  ) {
    const map = normal(batch, size * size, channels);
    const weight = normal(kernel * kernel, channels);
    const attributes = { batch, size, channels, kernel };
    const large = size > 8 || channels > 8;
    for (const flip of [0, 1]) {
      cases.push({
        op: "depthwise_conv",
        attributes: { ...attributes, flip },
        inputs: [
          map,
          weight,
          flip ? undefined : normal(channels),
          flip ? map : undefined,
        ],
        large,
      });
    }
    for (const addend of [undefined, weight]) {
      cases.push({
        op: "depthwise_conv_weight_gradient",
        attributes,
        inputs: [map, map, addend],
      });
    }
  }
  return cases;
}

function squareCases(): KernelCase[] {
  const cases: KernelCase[] = [];
  for (
    const [batch, size, channels, patch] of [
      [1, 2, 1, 2],
      [2, 4, 3, 2],
      [1, 5, 6, 2],
      [2, 7, 17, 3],
      [3, 14, 96, 2],
    ]
  ) {
    for (const merge of [0, 1]) {
      const out = merge ? Math.ceil(size / patch) : Math.floor(size / patch);
      const attributes = { batch, size, channels, patch, merge };
      const large = channels > 6;
      cases.push({
        op: "space_to_depth",
        attributes,
        inputs: [normal(batch, size * size, channels)],
        large,
      }, {
        op: "depth_to_space",
        attributes,
        inputs: [normal(batch, out * out, patch * patch * channels)],
        large,
      });
    }
  }
  for (
    const [batch, tokens, width] of [[1, 1, 1], [3, 5, 7], [2, 49, 70]]
  ) {
    const attributes = { batch, tokens, width };
    const large = width > 10;
    cases.push({
      op: "mean_tokens",
      attributes,
      inputs: [normal(batch, tokens, width)],
      large,
    }, { op: "spread_tokens", attributes, inputs: [normal(batch, width)] });
  }
  return cases;
}

function windowCases(): KernelCase[] {
  const cases: KernelCase[] = [];
  for (
    const [batch, size, heads, width, window, shift] of [
      [1, 1, 1, 4, 1, 0],
      [2, 3, 2, 8, 2, 0],
      // Filled up, with and without a shift.
      [1, 3, 1, 4, 2, 1],
      [1, 5, 2, 16, 3, 1],
      [2, 5, 1, 9, 3, 2],
      [2, 4, 3, 12, 2, 1],
      [1, 14, 3, 96, 7, 3],
      [2, 7, 2, 72, 7, 0],
      [1, 12, 1, 8, 12, 0],
      [3, 16, 1, 12, 4, 2],
      [1, 8, 2, 40, 4, 1],
    ]
  ) {
    const side = Math.ceil(size / window);
    const [windows, tokens] = [batch * side * side, window * window];
    const place = { batch, size, window, shift };
    const large = size > 4 || width > 12;
    const map = normal(batch, size * size, width);
    const cut = normal(windows, tokens, width);
    cases.push({
      op: "window_partition",
      attributes: { ...place, channels: width },
      inputs: [map],
      large,
    });
    for (const residual of [undefined, map]) {
      cases.push({
        op: "window_reverse",
        attributes: { ...place, channels: width },
        inputs: [cut, residual],
        large,
      });
    }
    const attributes = { ...place, heads, width };
    // Its heads are whole vectors, which channels need not be.
    if (width % 4 !== 0) continue;
    const qkv = normal(windows, tokens, 3 * width);
    const table = normal((2 * window - 1) ** 2, heads);
    cases.push({
      op: "window_attention",
      attributes,
      inputs: [qkv, table],
      large,
    }, {
      op: "window_attention_gradient",
      attributes,
      inputs: [cut, qkv, table, cut, normal(windows, heads, tokens)],
      complete: ([dy, x, bias]) => [
        present(dy),
        present(x),
        present(bias),
        ...windowAttentionOp.reference([x, bias], attributes),
      ],
    });
  }
  return cases;
}

/** The cases of this module. */
export function mapCases(): KernelCase[] {
  return [...convolutionCases(), ...squareCases(), ...windowCases()];
}
