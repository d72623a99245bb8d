import assert from "node:assert/strict";
import { bench } from "../../cli/commands/bench.ts";
import { Input } from "../../cli/input.ts";
import { Output } from "../../cli/output.ts";
import { tune } from "../../cli/tune.ts";
import { devicesHere, gpuTest, ignore } from "../kernels/webgpu/adapter.ts";
import { aloreCommand, ended } from "../support/alore.ts";
import { withCache } from "../support/cache.ts";
import { inFolder } from "../support/folder.ts";
import { writeSmallBackbone } from "../support/small_run.ts";

const TUNE = [
  ..."bench --tune --method linear --batch-size 1 --json".split(" "),
  "--backbone=small.safetensors",
];

Deno.test({
  name: "bench --tune keeps a table that doctor finds",
  ignore: ignore || Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      await writeSmallBackbone(folder);
      const run = (...words: string[]) =>
        ended(aloreCommand(words, folder, { XDG_CACHE_HOME: folder }));
      const { code, stdout, stderr } = await run(...TUNE);
      assert.equal(code, 0, stderr);
      const { path, shapes } = JSON.parse(stdout);
      assert.ok(shapes.length > 5);
      for (const { rule, best } of shapes) assert.ok(best.rate >= rule.rate);
      const kept = JSON.parse(await Deno.readTextFile(path));
      assert.equal(Object.keys(kept.products).length, shapes.length);
      const doctor = await run("doctor", "--json");
      const { tuning } = JSON.parse(doctor.stdout);
      assert.deepEqual(tuning, { path, shapes: shapes.length });
    }),
});

Deno.test("bench --tune refuses the cpu engine", () =>
  inFolder(async (folder) => {
    const words = ["bench", "--tune", "--device", "cpu"];
    const { code, stderr } = await ended(aloreCommand(words, folder));
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^error: Cannot tune: got --device cpu, wanted webgpu$/m,
    );
  }));

class Silence extends Output {
  override print(): void {}
}

gpuTest("bench --tune leaves its thread free", () =>
  withCache(async () => {
    const input = new Input(bench.flags, new Map());
    const run = async () => void await tune(input, new Silence(), () => []);
    assert.equal(await devicesHere(run), 0);
  }));
