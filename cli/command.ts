/**
 * What a command of the command line is. A new command is one file in
 * `commands/`, its test, and one line in `registry.ts`.
 *
 * @module
 */

import type { Input } from "./input.ts";
import type { Output } from "./output.ts";

/** Value of a flag. */
export type FlagValue = string | number | boolean;

/** A flag as data: parsing, checks and help derive from it. */
export interface Flag {
  /** In kebab-case, without the dashes. */
  readonly name: string;
  /** Booleans take no value; one that defaults to true is given as `--no-`. */
  readonly kind: "integer" | "number" | "text" | "boolean";
  /** What the help calls the value. */
  readonly placeholder?: string;
  readonly default?: FlagValue;
  /** What the help says of the default where that is not its value. */
  readonly defaultText?: string;
  readonly required?: boolean;
  /** Whether text may be left out: `--resume` and `--resume RUN`. */
  readonly optionalValue?: boolean;
  readonly choices?: readonly string[];
  /** Smallest number allowed. */
  readonly minimum?: number;
  /** Numbers must stay below this. */
  readonly below?: number;
  /** Heading in the help. */
  readonly group?: string;
  readonly help: string;
}

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
