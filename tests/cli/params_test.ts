import assert from "node:assert/strict";
import { alore, aloreWords } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";

/** Trainable numbers without the head on ViT-B/16, as the papers' code has. */
const DEFAULTS: Readonly<Record<string, number>> = {
  adapter: 156_768,
  adaptformer: 1_189_632,
  alore: 147_520,
  arc: 96_432,
  bitfit: 102_912,
  compacter: 57_088,
  consolidator: 304_128,
  "fact-tk": 86_528,
  "fact-tt": 61_440,
  full: 85_798_656,
  linear: 0,
  lora: 294_912,
  repadapter: 239_808,
  ssf: 205_824,
  "vpt-deep": 92_160,
  "vpt-shallow": 7_680,
};

/** The same of some other options. */
const KNOWN: readonly (readonly [string, string[], number])[] = [
  ["vit-b16", ["--method=alore", "--experts=8", "--rank=2"], 74_240],
  ["vit-b16", ["--method=alore", "--mix=fixed"], 147_456],
  ["vit-b16", ["--method=adaptformer", "--hidden=8"], 156_768],
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
    const words = ["params", "--backbone=vit-b16"];
    const { methods } = JSON.parse(
      (await alore(folder, ...words, "--json")).stdout,
    );
    const counts = methods.map((
      { method, trainable }: { method: string; trainable: number },
    ) => [method, trainable]);
    assert.deepEqual(Object.fromEntries(counts), DEFAULTS);
    const { stdout } = await alore(folder, ...words);
    assert.match(stdout, /^alore +147,520 +0\.172 %/m);
    assert.match(stdout, /^full +85,798,656 +100\.000 %/m);
  }));

Deno.test("alore params lists the methods that a backbone does not take", () =>
  inFolder(async (folder) => {
    const words = ["params", "--backbone=swin-t"];
    const { code, stdout, stderr } = await alore(folder, ...words);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^alore +70,720 /m);
    assert.match(stdout, /^ {2}arc +Cannot build .*wanted one width$/m);
    const one = await alore(folder, ...words, "--method=arc");
    assert.equal(one.code, 1);
    assert.match(one.stderr, /Cannot build ARC's shared projections/);
  }));

/** Of the processor, so that the work of others does not count. */
const SECONDS = 1;

Deno.test({
  name: "alore params takes less than a second",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const words = aloreWords(["params", "--backbone=vit-b16"]);
      const script = "TIMEFORMAT='%U %S'; time \"$@\" >/dev/null";
      const { success, stderr } = await new Deno.Command("bash", {
        args: ["-c", script, "bash", ...words],
        cwd: folder,
        env: { INIT_CWD: folder, LC_ALL: "C" },
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).output();
      assert.ok(success);
      const said = new TextDecoder().decode(stderr);
      const [user, system] = said.trim().split(" ").map(Number);
      assert.ok(user > 0 && user + system < SECONDS, said);
    }),
});
