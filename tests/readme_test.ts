/**
 * Runs the commands that the README shows; `deno test --doc` runs its code.
 *
 * @module
 */

import assert from "node:assert/strict";
import { encodePng } from "../core/data/encode_png.ts";
import { scratchBackbone } from "../core/models/backbone.ts";
import { modelTensors } from "../core/models/architectures.ts";
import type { VitConfig } from "../core/models/vit.ts";
import { findBackbone } from "../core/models/zoo.ts";
import { RandomStream } from "../core/rng.ts";
import { fromFloat32, writeSafetensors } from "../core/weights/safetensors.ts";

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

/** timm's names and torchvision's. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^cls_token$/, "class_token"],
  [/^pos_embed$/, "encoder.pos_embedding"],
  [/^patch_embed\.proj/, "conv_proj"],
  [/^norm\./, "encoder.ln."],
  [/^head\./, "heads.head."],
  [/^blocks\.(\d+)\./, "encoder.layers.encoder_layer_$1."],
  [/\.norm(\d)\./, ".ln_$1."],
  [/\.attn\.qkv\./, ".self_attention.in_proj_"],
  [/\.attn\.proj\./, ".self_attention.out_proj."],
  [/\.fc1\./, ".0."],
  [/\.fc2\./, ".3."],
];

/** A stand-in for torchvision's ViT-B/16: its names, and images of 224 pixels. */
async function writeTorchvision(path: string): Promise<void> {
  const sizes = { width: 64, heads: 1, depth: 1, patchSize: 32, mlpHidden: 64 };
  const config = { ...findBackbone("vit-b16") as VitConfig, ...sizes };
  const { tensors } = scratchBackbone("vit", config, 0);
  const stored = [...modelTensors(config)].map(([name, { shape }]) => {
    const theirs = NAMES.reduce((text, [from, to]) => {
      return text.replace(from, to);
    }, name);
    return [theirs, fromFloat32(tensors.get(name)!, [...shape])] as const;
  });
  await writeSafetensors(path, { metadata: {}, tensors: new Map(stored) });
}

Deno.test("the README's commands work in the order in which it shows them", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await makePhotos(`${folder}/photos`);
    await writeTorchvision(`${folder}/vit_b_16.safetensors`);
    const commands = blocks("sh").join("").split("\n").filter(Boolean);
    assert.equal(commands.length, 14);
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
