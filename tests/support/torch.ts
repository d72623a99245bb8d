/**
 * Python with PyTorch, for tests against programs that are not ours.
 *
 * @module
 */

import assert from "node:assert/strict";

const required = Deno.env.get("ALORE_REQUIRE_TORCH") === "1";

/** A Python that has torch and torchvision, if there is one. */
export const python: string | undefined = await findPython();

if (!python && required) {
  assert.fail(
    "Cannot test against PyTorch: got no Python with torch and torchvision, " +
      "wanted one (ALORE_REQUIRE_TORCH=1)",
  );
}

async function findPython(): Promise<string | undefined> {
  for (const candidate of ["python3", "/usr/bin/python3"]) {
    try {
      const { success } = await new Deno.Command(candidate, {
        args: ["-c", "import torch, torchvision"],
        stderr: "null",
        stdout: "null",
      }).output();
      if (success) return candidate;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Runs a script of tests/fixtures/make; it fails if the script does. */
export async function runPython(
  script: string,
  ...words: readonly string[]
): Promise<void> {
  const path = new URL(`../fixtures/make/${script}`, import.meta.url).pathname;
  const { success, stderr } = await new Deno.Command(python ?? "python3", {
    args: ["-B", path, ...words],
    stdout: "null",
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}
