import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { inFolder } from "../../../support/folder.ts";
import {
  writeLargeCheckpoint,
  writeLargeNpz,
} from "../../../support/large_checkpoint.ts";

/** Loads ViT-L too, and holds ViT-B to its time, on a machine at rest. */
const large = Deno.env.get("ALORE_LARGE") === "1";

const SCRIPT = fileURLToPath(
  new URL("../../../support/load_checkpoint.ts", import.meta.url),
);

/** What loading may take beyond the size of the weights in f32. */
const SPARE = 256 << 20;

/** ViT-B/16 from a file to an engine. */
const SLOWEST = 3000;

async function load(
  path: string,
): Promise<{ milliseconds: number; bytes: number }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    // Deno shows /proc to programs with every permission alone.
    args: ["run", "--no-prompt", "--allow-all", SCRIPT, path],
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Types in safetensors, or Google's file; the first is for every machine. */
const CASES = [
  ["vit-b16", "F32"],
  ["vit-b16", "F16"],
  ["vit-b16", "BF16"],
  ["vit-l16", "F32"],
  ["vit-l16", "npz"],
] as const;

for (const [name, kind] of CASES) {
  const isSmall = name === "vit-b16" && kind === "F32";
  Deno.test({
    name: `readBackbone() and buildModel() load ${name} from ${kind} in its ` +
      "size and 256 MiB",
    ignore: Deno.build.os !== "linux" || (!isSmall && !large),
    fn: () =>
      inFolder(async (folder) => {
        const path = `${folder}/${name}`;
        const size = kind === "npz"
          ? writeLargeNpz(name, path)
          : writeLargeCheckpoint(name, path, kind);
        const { milliseconds, bytes } = await load(path);
        const mebibytes = Math.round(bytes / 2 ** 20);
        assert.ok(bytes <= size + SPARE, `took ${mebibytes} MiB`);
        if (large && name === "vit-b16") {
          assert.ok(milliseconds < SLOWEST, `took ${milliseconds} ms`);
        }
      }),
  });
}
