/**
 * Puts tokens among those of every image, in between or in the place of others.
 *
 * y = concat(x[:, :start], prompts, x[:, start + skip:]) along the tokens.
 *
 * Shapes: x `[batch, tokens, width]`; prompts `[sets, count, width]`, where one
 * set serves all images and `batch` sets are one for each; y
 * `[batch, tokens - skip + count, width]`.
 *
 * @module
 */

import type { Attributes, Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";
import { columnSum } from "./column_sum.ts";
import { takeTokens } from "./tokens.ts";

/** The forward op. */
export const insertTokensOp: Op = {
  name: "insert_tokens",
  outputs(inputs, attributes): Shape[] {
    const { batch, tokens, width, start, count, skip, sets } = attributes;
    checkCounts("insert tokens", inputs, [
      ["x", batch * tokens * width],
      ["prompts", sets * count * width],
    ]);
    if (start < 0 || skip < 0 || start + skip > tokens) {
      throw new TypeError(
        `Cannot insert tokens: got ${start} to ${start + skip} to replace, ` +
          `wanted a range within 0 to ${tokens}`,
      );
    }
    if (sets !== 1 && sets !== batch) {
      throw new TypeError(
        `Cannot insert tokens: got ${sets} sets of prompts for ${batch} ` +
          `images, wanted one or one each`,
      );
    }
    return [[batch, tokens - skip + count, width]];
  },
  reference([x, prompts], attributes): Float64Array[] {
    const { batch, width, count, sets } = attributes;
    const [v, p] = [present(x), present(prompts)];
    const y = new Float64Array(batch * resultTokens(attributes) * width);
    eachToken(attributes, (image, token, { kept, prompt }) => {
      const set = sets === 1 ? 0 : image;
      const row = kept !== undefined
        ? rowOf(v, image * attributes.tokens + kept, width)
        : rowOf(p, set * count + prompt, width);
      y.set(row, (image * resultTokens(attributes) + token) * width);
    });
    return [y];
  },
  gradient(node, [dy], needed) {
    const { batch, width, start, count, sets } = node.attributes;
    if (!dy) return [];
    const [dx] = needed[0]
      ? dy.graph.apply(cutTokensOp, [dy], node.attributes)
      : [];
    if (!needed[1]) return [dx, undefined];
    const each = takeTokens(dy, start, count);
    const sum = sets === 1 && batch > 1;
    return [dx, sum ? columnSum(each, batch, count * width) : each];
  },
};

/** The gradient towards x: the prompts cut out, zeros where x was replaced. */
export const cutTokensOp: Op = {
  name: "cut_tokens",
  outputs([dy], attributes): Shape[] {
    const { batch, tokens, width } = attributes;
    checkCounts("cut tokens", [dy], [
      ["dy", batch * resultTokens(attributes) * width],
    ]);
    return [[batch, tokens, width]];
  },
  reference([dy], attributes): Float64Array[] {
    const { batch, tokens, width } = attributes;
    const dx = new Float64Array(batch * tokens * width);
    eachToken(attributes, (image, token, { kept }) => {
      if (kept === undefined) return;
      const from = image * resultTokens(attributes) + token;
      const row = rowOf(present(dy), from, width);
      dx.set(row, (image * tokens + kept) * width);
    });
    return [dx];
  },
};

function resultTokens({ tokens, skip, count }: Attributes): number {
  return tokens - skip + count;
}

function rowOf(x: Float64Array, row: number, width: number): Float64Array {
  return x.subarray(row * width, (row + 1) * width);
}

/** For each token of the result, the token of x it is, or the prompt. */
function eachToken(
  attributes: Attributes,
  visit: (
    image: number,
    token: number,
    from: { kept?: number; prompt: number },
  ) => void,
): void {
  const { batch, start, count, skip } = attributes;
  for (let image = 0; image < batch; image++) {
    for (let token = 0; token < resultTokens(attributes); token++) {
      const prompt = token - start;
      const kept = prompt < 0
        ? token
        : prompt < count
        ? undefined
        : token - count + skip;
      visit(image, token, { kept, prompt });
    }
  }
}

/** Where {@linkcode insertTokens} puts the prompts. */
export interface InsertOptions {
  /** The position of the first prompt. */
  readonly start: number;
  /** How many tokens from there on give way; default 0. */
  readonly skip?: number;
}

/**
 * Puts prompts among the tokens of every image.
 *
 * @param x `[batch, tokens, width]`.
 * @param prompts `[1, count, width]` for all images, or `[batch, count, width]`.
 * @returns `[batch, tokens - skip + count, width]`.
 * @throws {TypeError} If the sizes do not fit.
 */
export function insertTokens(
  x: Value,
  prompts: Value,
  options: InsertOptions,
): Value {
  const [batch, tokens, width] = x.shape;
  const [sets, count] = prompts.shape;
  const { start, skip = 0 } = options;
  const attributes = { batch, tokens, width, start, count, skip, sets };
  return x.graph.apply(insertTokensOp, [x, prompts], attributes)[0];
}
