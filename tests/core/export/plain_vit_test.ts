import assert from "node:assert/strict";
import { requirePlainVit } from "../../../core/export/plain_vit.ts";
import { findBackbone } from "../../../core/models/zoo.ts";

Deno.test("requirePlainVit() refuses what another program would read as another model", () => {
  requirePlainVit(findBackbone("vit-b16"), "hf", "");
  requirePlainVit(findBackbone("dinov2-b14"), "hf", "");
  const refuse = (name: string, got: string) =>
    assert.throws(() => requirePlainVit(findBackbone(name), "hf", ""), {
      name: "RangeError",
      message: `Cannot export the model as hf: got ${got}, wanted a plain ` +
        "vision transformer",
    });
  refuse("dinov2-b14-reg4", "register tokens");
  refuse("clip-b16", "a norm before its blocks and quick GELU");
});
