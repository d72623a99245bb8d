/**
 * Checks of sizes that the architectures share.
 *
 * @module
 */

/**
 * Checks that sizes are whole numbers above 0.
 *
 * @param sizes By name; of a list, every member.
 * @throws {RangeError} If one is not.
 */
export function checkWhole(
  sizes: Readonly<Record<string, number | readonly number[]>>,
): void {
  for (const [name, value] of Object.entries(sizes)) {
    const list = typeof value === "number" ? [value] : value;
    const good = Array.isArray(list) && list.length > 0 &&
      list.every((size) => Number.isInteger(size) && size > 0);
    if (!good) refuse(`${name} ${value}`, "a whole number above 0");
  }
}

/**
 * Checks what layer norms add to the variance.
 *
 * @throws {RangeError} If it is not above 0.
 */
export function checkEps(eps: number): void {
  if (!(eps > 0)) refuse(`eps ${eps}`, "> 0");
}

/** @throws {RangeError} Always. */
export function refuse(got: string, wanted: string): never {
  throw new RangeError(`Cannot build the model: got ${got}, wanted ${wanted}`);
}
