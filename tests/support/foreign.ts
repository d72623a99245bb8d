/**
 * Programs that are not the project's own, run on what it exports.
 *
 * @module
 */

const CONFIG = new URL("../../deno.dev.json", import.meta.url).pathname;
const FOLDER = new URL("../foreign/", import.meta.url).pathname;

/** A python3 with torchvision: the first on the path, or Debian's. */
const python: string | undefined = ["python3", "/usr/bin/python3"].find(
  hasTorchvision,
);

function hasTorchvision(command: string): boolean {
  try {
    const args = ["-c", "import torchvision"];
    const options = { args, stdout: "null", stderr: "null" } as const;
    return new Deno.Command(command, options).outputSync().success;
  } catch {
    return false;
  }
}

/** Whether programs in Python can run. */
export const hasTorch: boolean = python !== undefined;

if (!hasTorch && Deno.env.get("ALORE_REQUIRE_TORCH") === "1") {
  throw new TypeError(
    "Cannot test: got no python3 with torchvision, wanted one " +
      "(ALORE_REQUIRE_TORCH=1)",
  );
}

/** Runs a script of `tests/foreign/`; JSON comes out. */
export async function runForeign(
  script: string,
  ...args: string[]
): Promise<unknown> {
  const path = `${FOLDER}${script}`;
  const snake = script.endsWith(".py");
  const command = new Deno.Command(snake ? python ?? "" : Deno.execPath(), {
    args: snake ? [path, ...args] : [
      "run",
      `--config=${CONFIG}`,
      "--no-prompt",
      "--allow-read",
      "--allow-env",
      "--allow-ffi",
      "--allow-sys",
      path,
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
