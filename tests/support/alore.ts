/**
 * Runs the command line as a user does: its own process, the task's
 * permissions, the user's folder.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };

/** What a command did. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = new URL("../../", import.meta.url);

/** A command line with the permissions of a task. */
export function aloreWords(
  words: readonly string[],
  task: "alore" | "alore:slurm" = "alore",
): string[] {
  const [program, ...flags] = config.tasks[task].split(" ");
  if (program !== "deno" || flags.at(-1) !== "cli/main.ts") {
    throw new TypeError(
      `Cannot run the task ${task}: got "${config.tasks[task]}", wanted ` +
        `"deno run … cli/main.ts"`,
    );
  }
  return [
    Deno.execPath(),
    ...flags.slice(0, -1),
    `--config=${fileURLToPath(new URL("deno.json", ROOT))}`,
    fileURLToPath(new URL("cli/main.ts", ROOT)),
    ...words,
  ];
}

/** A process with the permissions of a task. */
export function aloreCommand(
  words: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
  task: "alore" | "alore:slurm" = "alore",
): Deno.Command {
  const [program, ...args] = aloreWords(words, task);
  return new Deno.Command(program, {
    args,
    cwd,
    env: { INIT_CWD: cwd, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a command to its end. */
export async function alore(
  cwd: string,
  ...words: string[]
): Promise<Ended> {
  return await ended(aloreCommand(words, cwd));
}

/** What a command says until it ends. */
export async function ended(command: Deno.Command): Promise<Ended> {
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}
