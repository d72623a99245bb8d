/**
 * Attaches a remedy to an error; the command line prints it on a line of its
 * own after the message.
 *
 * @param error The error about to be thrown.
 * @param hint One sentence that says what to do.
 * @returns The same error, with `hint` set.
 *
 * @example Usage
 * ```ts
 * import { hinted } from "./errors.ts";
 *
 * const error = hinted(new RangeError("Cannot read x: got 0"), "Use 1");
 * if (error.hint !== "Use 1") throw error;
 * ```
 */
export function hinted<E extends Error>(
  error: E,
  hint: string,
): E & { hint: string } {
  return Object.assign(error, { hint });
}

/** The remedy attached by {@linkcode hinted}, if the error carries one. */
export function hintOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("hint" in error)) return undefined;
  return typeof error.hint === "string" ? error.hint : undefined;
}
