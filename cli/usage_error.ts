/** The command line was typed wrong; the program ends with 2. */
export class UsageError extends Error {
  override name = "UsageError";
}
