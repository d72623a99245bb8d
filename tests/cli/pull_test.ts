import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { alore, ended } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";
import { TestHub } from "../support/hub.ts";

const ROOT = new URL("../../", import.meta.url);

/** The task's permissions, with the network of this machine instead. */
function pull(folder: string, ...words: string[]) {
  return ended(
    new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--allow-read",
        "--allow-write",
        "--allow-net=127.0.0.1",
        "--allow-env=INIT_CWD,XDG_RUNTIME_DIR",
        `--config=${fileURLToPath(new URL("deno.json", ROOT))}`,
        fileURLToPath(new URL("cli/main.ts", ROOT)),
        "pull",
        ...words,
      ],
      cwd: folder,
      env: { INIT_CWD: folder },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }),
  );
}

Deno.test("pull fetches a backbone that later commands take", () =>
  inFolder(async (folder) => {
    const fixture = "tests/fixtures/checkpoints/timm";
    const names = ["model.safetensors", "config.json"];
    const files = await Promise.all(names.map(async (name) => {
      return [name, await Deno.readFile(`${fixture}/${name}`)] as const;
    }));
    await using hub = new TestHub(new Map(files));
    const words = ["owner/model", `--hub=${hub.url}`];
    const first = await pull(folder, ...words);
    assert.equal(first.code, 0, first.stderr);
    assert.match(
      first.stderr,
      /model\.safetensors +1 MiB, fetched and checked/,
    );
    assert.match(first.stdout, /Backbone +owner\/model \(timm ViT, 16 px\)/);
    assert.match(first.stdout, /Folder +backbones\/owner--model\n/);
    const again = await pull(folder, ...words);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stderr, /there already, checked/);
    assert.equal(hub.asked.length, 2);
    const counted = await alore(
      folder,
      "params",
      "--backbone=backbones/owner--model",
    );
    assert.equal(counted.code, 0, counted.stderr);
  }));

Deno.test("pull without the network says which task has it", () =>
  inFolder(async (folder) => {
    const { code, stderr } = await alore(folder, "pull", "vit-b16");
    assert.equal(code, 1);
    assert.match(
      stderr,
      /Cannot pull the backbone: got no permission to use the network, wanted it\nhint: +it has a task of its own: deno task pull NAME/,
    );
  }));
