/** What the two commands share: their argument, their output, their errors. */

import { hintOf } from "../../core/errors.ts";
import { refuseExisting } from "../../core/weights/write_file.ts";

/**
 * Returns the file to write from a command's arguments.
 *
 * @throws {SyntaxError} If there is not exactly one.
 * @throws {RangeError} If something is at that path.
 */
export async function outputPath(
  args: string[],
  task: string,
): Promise<string> {
  if (args.length !== 1 || args[0].startsWith("-")) {
    throw new SyntaxError(
      `Cannot run ${task}: got ${args.length} arguments ` +
        `(${args.join(" ")}), wanted the file to write`,
    );
  }
  await refuseExisting(args[0]);
  return args[0];
}

/** Writes one line to standard output. */
export function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

/** Runs a command; what it throws becomes a message and exit status 1. */
export async function run(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const hint = hintOf(error);
    const lines = `error: ${error.message}\n${hint ? `hint: ${hint}\n` : ""}`;
    Deno.stderr.writeSync(new TextEncoder().encode(lines));
    Deno.exitCode = 1;
  }
}
