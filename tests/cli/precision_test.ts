import assert from "node:assert/strict";
import { alore } from "../support/alore.ts";
import { webgpuHalf } from "../support/engines.ts";
import { inFolder } from "../support/folder.ts";
import {
  SMALL_TRAIN,
  writeSmallBackbone,
  writeSmallFiles,
} from "../support/small_run.ts";

const HALF = ["--precision=f16", "--device=webgpu"];

const TRAIN = SMALL_TRAIN.filter((word) =>
  !/^--(device|threads|epochs)/.test(word)
);

Deno.test("--precision f16 is refused on the cpu engine, with a remedy", () =>
  inFolder(async (folder) => {
    await writeSmallFiles(folder);
    const words = [...SMALL_TRAIN, "--out=run", "--precision=f16"];
    const { code, stderr } = await alore(folder, ...words);
    assert.equal(code, 1);
    assert.match(stderr, /^error: Cannot store numbers as f16: got the cpu /m);
    assert.match(stderr, /^hint: {2}--device webgpu with an adapter that /m);
  }));

Deno.test("ablate --precision f16 is refused on the cpu engine, as train is", () =>
  inFolder(async (folder) => {
    await writeSmallFiles(folder);
    const ablate = ["ablate", ...SMALL_TRAIN.slice(1), "--out=study"];
    const spec = "precision: f16\ndata: data.safetensors\n" +
      "backbone: small.safetensors\n";
    await Deno.writeTextFile(`${folder}/study.yaml`, spec);
    const commands = [
      [...ablate, "--precision=f16"],
      [...ablate, "--precision=f32,f16", "--dry-run"],
      ["ablate", "--spec=study.yaml", "--device=cpu", "--out=other"],
    ];
    for (const words of commands) {
      const { code, stderr } = await alore(folder, ...words);
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^error: Cannot store numbers as f16: got the cpu /m,
      );
      assert.match(stderr, /^hint: {2}--device webgpu with an adapter that /m);
    }
    const { code, stderr } = await alore(folder, ...ablate, "--precision=f8");
    assert.equal(code, 1);
    assert.match(stderr, /^error: .*got precision f8, wanted f32 or f16$/m);
  }));

Deno.test({
  name: "ablate --precision f32,f16 compares both in one study",
  ignore: webgpuHalf.ignore,
  fn: () =>
    inFolder(async (folder) => {
      await writeSmallFiles(folder);
      const words = [
        "ablate",
        ...TRAIN.slice(1),
        "--epochs=1",
        "--warmup-epochs=0",
        "--out=study",
        "--device=webgpu",
        "--json",
      ];
      const first = await alore(folder, ...words);
      assert.equal(first.code, 0, first.stderr);
      const both = await alore(folder, ...words, "--precision=f32,f16");
      assert.equal(both.code, 0, both.stderr);
      const { results } = JSON.parse(both.stdout);
      assert.equal(results.length, 2);
      const [before] = JSON.parse(first.stdout).results;
      const half = results.find(({ precision }: { precision?: string }) =>
        precision === "f16"
      );
      const plain = results.find(({ hash }: { hash: string }) =>
        hash === before.hash
      );
      assert.deepEqual(plain, before);
      assert.match(half.engine, /, f16$/);
      const { config, table, report } = {
        config: await Deno.readTextFile(
          `${folder}/study/runs/${half.hash}/config.json`,
        ),
        table: await Deno.readTextFile(`${folder}/study/table.md`),
        report: await Deno.readTextFile(`${folder}/study/report.html`),
      };
      assert.equal(JSON.parse(config).precision, "f16");
      assert.match(table, /precision/);
      assert.match(report, /--precision f16/);
    }),
});

Deno.test("bench --tune refuses --precision f16", () =>
  inFolder(async (folder) => {
    await writeSmallBackbone(folder);
    const words = ["bench", "--backbone=small.safetensors", "--tune"];
    const { code, stderr } = await alore(folder, ...words, ...HALF);
    assert.equal(code, 2);
    assert.match(stderr, /^error: Cannot tune: got --precision f16/m);
  }));

Deno.test({
  name: "train --precision f16 is kept by the run and by --resume",
  ignore: webgpuHalf.ignore,
  fn: () =>
    inFolder(async (folder) => {
      await writeSmallFiles(folder);
      const trained = await alore(
        folder,
        ...TRAIN,
        "--epochs=1",
        "--warmup-epochs=0",
        "--out=run",
        ...HALF,
      );
      assert.equal(trained.code, 0, trained.stderr);
      assert.match(trained.stderr, /^alore .* · webgpu engine, .*, f16 · /m);
      const config = await Deno.readTextFile(`${folder}/run/config.json`);
      assert.equal(JSON.parse(config).precision, "f16");
      const resume = ["train", "--resume=run", "--device=webgpu"];
      const again = await alore(folder, ...resume);
      assert.equal(again.code, 0, again.stderr);
      assert.match(again.stderr, /^alore .* · webgpu engine, .*, f16 · /m);
      const other = await alore(folder, ...resume, "--precision=f32");
      assert.equal(other.code, 1);
      assert.match(
        other.stderr,
        /^error: Cannot continue run: got precision f32, wanted f16 as it /m,
      );
    }),
});
