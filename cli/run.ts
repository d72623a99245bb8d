/**
 * The program from words to exit code.
 *
 * @module
 */

import { VERSION } from "../core/version.ts";
import { Output } from "./output.ts";
import { parse } from "./parse.ts";
import { commands, groups } from "./registry.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Runs one command.
 *
 * @param words What follows the program's name.
 * @returns 0 when done, 1 when it failed, 2 when it was typed wrong.
 */
export async function run(words: readonly string[]): Promise<number> {
  // Known before parsing, since parsing may fail.
  const end = words.indexOf("--");
  const typed = end < 0 ? words : words.slice(0, end);
  const output = new Output({
    json: typed.includes("--json"),
    verbose: typed.includes("--verbose"),
  });
  try {
    const parsed = parse({
      name: "alore",
      version: VERSION,
      summary: "Adapts a frozen vision transformer to new images.",
      commands,
      groups,
    }, words);
    if (parsed.kind === "help") {
      output.print(parsed.text.trimEnd());
      return 0;
    }
    output.document(await parsed.command.run(parsed.input, output));
    return 0;
  } catch (error) {
    output.error(error);
    return error instanceof UsageError ? 2 : 1;
  }
}
