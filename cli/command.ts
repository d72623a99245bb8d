/**
 * What a command of the command line is. A new command is one file in
 * `commands/`, its test, and one line in `registry.ts`.
 *
 * @module
 */

import type { Flag } from "./flag.ts";
import type { Input } from "./input.ts";
import type { Output } from "./output.ts";

/** A word after the command's name. */
export interface Argument {
  readonly name: string;
  readonly help: string;
  /** Whether it takes all the words that are left. */
  readonly variadic?: boolean;
}

/** A command. */
export interface CliCommand {
  /** Words as typed, such as `data check`. */
  readonly name: string;
  /** One line of help. */
  readonly summary: string;
  /** What follows `deno task alore`, one example a line. */
  readonly examples: readonly string[];
  readonly arguments?: readonly Argument[];
  readonly flags: readonly Flag[];
  /**
   * Does the work.
   *
   * @returns The document that `--json` prints.
   */
  run(input: Input, output: Output): Promise<unknown>;
}
