/**
 * Programs that are not the project's own, run on what it exports.
 *
 * @module
 */

import { runPython } from "./python.ts";

const CONFIG = new URL("../../deno.dev.json", import.meta.url).pathname;
const FOLDER = new URL("../foreign/", import.meta.url).pathname;

/** Runs a script of `tests/foreign/`; JSON comes out. */
export async function runForeign(
  script: string,
  ...args: string[]
): Promise<unknown> {
  if (script.endsWith(".py")) {
    return JSON.parse(await runPython(`foreign/${script}`, ...args));
  }
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      `--config=${CONFIG}`,
      "--no-prompt",
      "--allow-read",
      "--allow-env",
      "--allow-ffi",
      "--allow-sys",
      `${FOLDER}${script}`,
      ...args,
    ],
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await command.output();
  const [text, errors] = [stdout, stderr]
    .map((bytes) => new TextDecoder().decode(bytes));
  if (success) return JSON.parse(text);
  throw new TypeError(`Cannot run ${script}: ${errors}`);
}
