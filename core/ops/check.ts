/**
 * Shape checks that the ops share.
 *
 * @module
 */

import { countOf, type Shape } from "../graph/graph.ts";

/**
 * Checks the number of elements of each operand.
 *
 * @param op What is being done, as a verb phrase.
 * @param inputs The operands' shapes.
 * @param wanted Per operand its name and number of elements; a name that ends
 * in `?` may be absent.
 * @throws {TypeError} If an operand is missing or has another size.
 */
export function checkCounts(
  op: string,
  inputs: (Shape | undefined)[],
  wanted: readonly (readonly [name: string, count: number])[],
): void {
  for (const [index, [name, count]] of wanted.entries()) {
    const shape = inputs[index];
    if (!shape) {
      if (name.endsWith("?")) continue;
      throw new TypeError(`Cannot ${op}: got no ${name}, wanted one`);
    }
    if (countOf(shape) !== count) {
      throw new TypeError(
        `Cannot ${op}: got ${name.replace("?", "")} [${shape}], wanted ` +
          `${count} elements`,
      );
    }
  }
}

/**
 * The side of a square map.
 *
 * @param op What is being done, as a verb phrase.
 * @param tokens Of the map, `side²`.
 * @throws {TypeError} If they make no square.
 */
export function mapSide(op: string, tokens: number): number {
  const side = Math.sqrt(tokens);
  if (Number.isInteger(side)) return side;
  throw new TypeError(
    `Cannot ${op}: got ${tokens} tokens, wanted those of a square map`,
  );
}

/** An operand that the shape rule has already proved to be there. */
export function present(values: Float64Array | undefined): Float64Array {
  if (!values) {
    throw new TypeError("Cannot compute: got no operand, wanted one");
  }
  return values;
}
