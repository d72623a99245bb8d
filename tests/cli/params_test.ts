import assert from "node:assert/strict";
import { alore } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";

/** Trainable numbers without the head, as the papers count them. */
const KNOWN: readonly (readonly [string, string[], number])[] = [
  ["vit-b16", [], 147_520],
  ["vit-b16", ["--experts=8", "--rank=2"], 74_240],
  ["vit-b16", ["--method=full"], 85_798_656],
  ["vit-b16", ["--method=linear"], 0],
];

Deno.test("alore params counts what each method trains", () =>
  inFolder(async (folder) => {
    for (const [backbone, words, trainable] of KNOWN) {
      const named = ["params", "--backbone", backbone, ...words, "--json"];
      const { code, stdout, stderr } = await alore(folder, ...named);
      assert.equal(code, 0, stderr);
      const { methods, head } = JSON.parse(stdout);
      assert.equal(methods[0].trainable, trainable, words.join(" "));
      assert.equal(head, 7_690);
    }
  }));

Deno.test("alore params prints a table without weights", () =>
  inFolder(async (folder) => {
    const { stdout } = await alore(folder, "params", "--backbone=vit-b16");
    assert.match(stdout, /^alore +147,520 +0\.172 %/m);
    assert.match(stdout, /^full +85,798,656 +100\.000 %/m);
  }));
