import assert from "node:assert/strict";
import { alore, aloreCommand } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";
import { SMALL_TRAIN, writeSmallFiles } from "../support/small_run.ts";

const EPOCHS = 60;

/** Everything that draws random numbers is on. */
const TRAIN = [
  ...SMALL_TRAIN,
  `--epochs=${EPOCHS}`,
  "--lr=0.01",
  "--dropout=0.1",
  "--drop-path=0.1",
  "--hflip=0.5",
  "--rotate=10",
];

/** Starts a run and sends a signal once a few epochs are done. */
async function stopEarly(
  folder: string,
  signal: Deno.Signal,
): Promise<{ code: number; stderr: string }> {
  const child = aloreCommand([...TRAIN, "--out=stopped"], folder).spawn();
  let stderr = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stderr) {
    const sent = stderr.includes("epoch  3/");
    stderr += decoder.decode(chunk, { stream: true });
    if (!sent && stderr.includes("epoch  3/")) child.kill(signal);
  }
  await child.stdout.cancel();
  return { code: (await child.status).code, stderr };
}

/** A run's adapters, and its records without times. */
async function resultOf(path: string): Promise<unknown> {
  const adapters = await Promise.all(
    ["adapter", "adapter-best"].map((name) =>
      Deno.readFile(`${path}/${name}.safetensors`)
    ),
  );
  const lines = await Deno.readTextFile(`${path}/metrics.jsonl`);
  const records = lines.trim().split("\n").map((line) => {
    const { seconds: _, imagesPerSecond: __, ...rest } = JSON.parse(line);
    return rest;
  });
  return { adapters: adapters.map((bytes) => bytes.toHex()), records };
}

for (const signal of ["SIGKILL", "SIGTERM", "SIGINT", "SIGUSR1"] as const) {
  Deno.test(`train --resume after ${signal} ends with the same bits`, () =>
    inFolder(async (folder) => {
      await writeSmallFiles(folder);
      const stopped = await stopEarly(folder, signal);
      if (signal === "SIGKILL") assert.notEqual(stopped.code, 0);
      else {
        assert.equal(stopped.code, 1);
        assert.match(
          stopped.stderr,
          /^error: Stopped after \d+ of 60 epochs; .* saved in stopped$/m,
        );
        assert.match(
          stopped.stderr,
          /^hint: {2}continue with: .* train --resume stopped$/m,
        );
      }
      const words = ["train", "--resume=stopped", "--device=cpu"];
      const resumed = await alore(folder, ...words, "--threads=1", "--json");
      assert.equal(resumed.code, 0, resumed.stderr);
      assert.equal(JSON.parse(resumed.stdout).epochs.length, EPOCHS);
      const lines = resumed.stderr.match(/epoch +\d+\/60 /g) ?? [];
      assert.ok(lines.length > 0 && lines.length < EPOCHS, "it went on");
      const whole = await alore(folder, ...TRAIN, "--out=whole");
      assert.equal(whole.code, 0, whole.stderr);
      assert.deepEqual(
        await resultOf(`${folder}/stopped`),
        await resultOf(`${folder}/whole`),
      );
    }));
}

Deno.test("train --resume starts a run that is not there yet", () =>
  inFolder(async (folder) => {
    await writeSmallFiles(folder);
    const words = [...SMALL_TRAIN, "--resume", "--out=run"];
    assert.equal((await alore(folder, ...words)).code, 0);
    // The same command again finds nothing left to do.
    const again = await alore(folder, ...words, "--json");
    assert.equal(again.code, 0, again.stderr);
    assert.equal(JSON.parse(again.stdout).epochs.length, 2);
  }));

Deno.test("train --resume refuses to go on as another run", () =>
  inFolder(async (folder) => {
    await writeSmallFiles(folder);
    const words = [...SMALL_TRAIN, "--out=run"];
    assert.equal((await alore(folder, ...words)).code, 0);
    const other = await alore(folder, ...words, "--resume", "--lr=0.5");
    assert.equal(other.code, 1);
    assert.match(
      other.stderr,
      /^error: Cannot continue run: got lr 0\.5, wanted 0\.003 as it was started with$/m,
    );
  }));
