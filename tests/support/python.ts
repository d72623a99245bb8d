/**
 * Python with PyTorch and torchvision, for tests against programs that are not
 * ours.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** A Python that has both: the first on the path, or Debian's. */
export const python: string | undefined = ["python3", "/usr/bin/python3"].find(
  hasTorchvision,
);

function hasTorchvision(command: string): boolean {
  try {
    const args = ["-c", "import torch, torchvision"];
    const options = { args, stdout: "null", stderr: "null" } as const;
    return new Deno.Command(command, options).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (!python && Deno.env.get("ALORE_REQUIRE_TORCH") === "1") {
  throw new TypeError(
    "Cannot test against PyTorch: got no Python with torch and torchvision, " +
      "wanted one (ALORE_REQUIRE_TORCH=1)",
  );
}

/**
 * Runs a script below `tests/`.
 *
 * @returns What it printed.
 */
export async function runPython(
  script: string,
  ...words: readonly string[]
): Promise<string> {
  const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
  const { success, stdout, stderr } = await new Deno.Command(
    python ?? "python3",
    { args: ["-B", path, ...words], stdout: "piped", stderr: "piped" },
  ).output();
  const [text, errors] = [stdout, stderr]
    .map((bytes) => new TextDecoder().decode(bytes));
  if (success) return text;
  throw new TypeError(`Cannot run ${script}: ${errors}`);
}
