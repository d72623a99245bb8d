/**
 * Runs the commands that the README shows; `deno test --doc` runs its code.
 *
 * @module
 */

import assert from "node:assert/strict";
import { encodePng } from "../core/data/encode_png.ts";
import { RandomStream } from "../core/rng.ts";

const ROOT = new URL("../", import.meta.url);
const readme = Deno.readTextFileSync(new URL("README.md", ROOT));

function blocks(language: string): string[] {
  const fence = new RegExp("```" + language + "\\n([\\s\\S]*?)```", "g");
  return [...readme.matchAll(fence)].map(([, code]) => code);
}

async function run(
  args: string[],
  options: { cwd?: string } = {},
): Promise<string> {
  // Without INIT_CWD, which the task that runs the tests has set.
  const kept = ["PATH", "HOME", "DENO_DIR", "XDG_RUNTIME_DIR"]
    .map((name) => [name, Deno.env.get(name)])
    .filter(([, value]) => value !== undefined);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: options.cwd ?? ROOT,
    clearEnv: true,
    env: { ...Object.fromEntries(kept), NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  assert.equal(code, 0, text.decode(stderr));
  return text.decode(stdout);
}

/** Photographs of two classes: bright above, or bright below. */
async function makePhotos(folder: string): Promise<void> {
  for (const [label, name] of ["cat", "dog"].entries()) {
    await Deno.mkdir(`${folder}/${name}`, { recursive: true });
    for (let i = 1; i <= 12; i++) {
      const random = new RandomStream(i, name);
      const data = Uint8Array.from({ length: 40 * 40 * 3 }, (_, at) => {
        const below = Number(at >= 20 * 40 * 3);
        return 150 * Number(below === label) + random.below(100);
      });
      const png = encodePng({ width: 40, height: 40, data });
      await Deno.writeFile(`${folder}/${name}/${i}.png`, png);
    }
  }
}

Deno.test("the README's commands work in the order in which it shows them", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await makePhotos(`${folder}/photos`);
    const commands = blocks("sh").join("").split("\n").filter(Boolean);
    assert.equal(commands.length, 9);
    for (const command of commands) {
      const [deno, task, alore, ...words] = command.split(" ");
      assert.deepEqual([deno, task, alore], ["deno", "task", "alore"]);
      const config = new URL("deno.json", ROOT).pathname;
      const args = ["task", "--config", config, "alore", ...words];
      const printed = await run(args, { cwd: folder });
      assert.ok(printed.length > 0, command);
      assert.ok(!printed.includes("\u001b"), "control characters");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
