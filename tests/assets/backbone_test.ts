import assert from "node:assert/strict";
import { readBackbone } from "../../core/models/backbone.ts";
import { findBackbone } from "../../core/models/zoo.ts";
import { readSafetensors } from "../../core/weights/safetensors.ts";

const FILE = new URL("../../assets/vit_t8_32.safetensors", import.meta.url);
const CARD = new URL("../../assets/vit_t8_32.md", import.meta.url);

Deno.test("the shipped backbone is what its name and its card say", async () => {
  const { size } = await Deno.stat(FILE);
  assert.ok(size <= 8 * 2 ** 20);
  const file = await readSafetensors(FILE.pathname);
  assert.ok([...file.tensors.values()].every((t) => t.dtype === "F16"));
  const { config, hash, metadata } = await readBackbone(FILE.pathname);
  const classes = JSON.parse(metadata.classes).length;
  assert.deepEqual(config, { ...findBackbone("vit-t8-32"), classes });
  const card = await Deno.readTextFile(CARD);
  assert.ok(card.includes(size.toLocaleString("en-US")));
  assert.ok(card.includes(hash));
});
