import assert from "node:assert/strict";
import { SharedBackbones } from "../../cli/model.ts";
import { methods } from "../../core/methods/mod.ts";
import { openCpuEngine } from "../../kernels/cpu/engine.ts";
import { alore } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";
import { plainImage } from "../support/image.ts";
import { SMALL_TRAIN, writeSmallFiles } from "../support/small_run.ts";

Deno.test("alore eval and predict take several runs over one backbone", () =>
  inFolder(async (folder) => {
    await writeSmallFiles(folder);
    const names = ["alore", "adaptformer"];
    for (const method of names) {
      const words = [`--method=${method}`, `--out=${method}`];
      const { code, stderr } = await alore(folder, ...SMALL_TRAIN, ...words);
      assert.equal(code, 0, stderr);
      const { lr } = methods.get(method)!;
      assert.match(stderr, new RegExp(` · learning rate ${lr} · `));
    }
    const test = async (runs: string) => {
      const words = ["--run", runs, "--device=cpu", "--threads=1", "--json"];
      const { code, stdout, stderr } = await alore(folder, "eval", ...words);
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout);
    };
    const { runs } = await test(names.join(","));
    assert.equal(runs.length, 2);
    for (const [i, name] of names.entries()) {
      const alone = await test(name);
      for (const field of ["run", "method", "loss", "confusion"]) {
        assert.deepEqual(runs[i][field], alone[field], `${name} ${field}`);
      }
      assert.ok((await Deno.stat(`${folder}/${name}/report.html`)).isFile);
    }
    await Deno.writeFile(
      `${folder}/red.png`,
      await plainImage([200, 20, 20], 16, 16),
    );
    const predicted = await alore(
      folder,
      ...["predict", "--model=alore,adaptformer", "red.png", "--json"],
    );
    const { models } = JSON.parse(predicted.stdout);
    assert.deepEqual(
      models.map(({ model }: { model: string }) => model),
      names,
    );
    assert.equal(models[1].images[0].guesses.length, 1);
    const merged = await alore(
      folder,
      ...["merge", "--run=adaptformer", "--out=plain.safetensors"],
    );
    assert.equal(merged.code, 1);
    assert.match(
      merged.stderr,
      /^error: Cannot merge the adapter: got adaptformer, whose ReLU .*, wanted a method that is linear$/m,
    );
    const { stdout } = await alore(folder, "eval", "--run=alore,adaptformer");
    assert.match(stdout, /^run +method +trainable +top-1 +loss$/m);
    assert.match(
      stdout,
      /^adaptformer +adaptformer +[\d,]+ +[\d.]+ % +[\d.]+$/m,
    );
  }));

Deno.test("SharedBackbones.open() loads a backbone once for all its runs", () =>
  inFolder(async (folder) => {
    await writeSmallFiles(folder);
    const engine = await openCpuEngine({ threads: 1 });
    try {
      using backbones = new SharedBackbones(engine);
      const path = `${folder}/small.safetensors`;
      const [first, again] = [
        await backbones.open(path, 0, 16),
        await backbones.open(path, 1, 16),
      ];
      assert.equal(first, again);
      const scratch = (seed: number) =>
        backbones.open("scratch:vit-t8-32", seed, 32);
      assert.equal(await scratch(0), await scratch(0));
      assert.notEqual(await scratch(0), await scratch(1));
    } finally {
      engine.close();
    }
  }));
