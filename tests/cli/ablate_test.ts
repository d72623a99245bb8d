/**
 * `alore ablate` as a user runs it, on tiny images.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readStudy } from "../../core/study/results.ts";
import { alore, aloreCommand, type Ended, ended } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";
import { SMALL_TRAIN, writeSmallFiles } from "../support/small_run.ts";

/** Everything but the grid. */
const ABLATE = ["ablate", "--out=study", ...SMALL_TRAIN.slice(1)];

/** Works in a folder with a small backbone and data set. */
function inStudy(work: (folder: string) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    await writeSmallFiles(folder);
    await work(folder);
  });
}

function good(done: Ended): Ended {
  assert.equal(done.code, 0, done.stderr);
  // deno-lint-ignore no-control-regex -- that is what must not be there
  assert.doesNotMatch(done.stdout + done.stderr, /[\x00-\x09\x0b-\x1f\x7f]/);
  return done;
}

/** Runs that a command says it finished, by hash. */
function finished({ stderr }: { stderr: string }): string[] {
  return [...stderr.matchAll(/ {2}([0-9a-f]{12}) {2}test \d/g)]
    .map(([, hash]) => hash);
}

async function statusOf(folder: string): Promise<Record<string, number>> {
  const { stdout } = good(
    await alore(folder, "ablate", "--out=study", "--status", "--json"),
  );
  const { counts } = JSON.parse(stdout);
  return Object.fromEntries(
    Object.entries<number>(counts).filter(([, count]) => count > 0),
  );
}

Deno.test("ablate runs a grid once, and later only what is new", () =>
  inStudy(async (folder) => {
    const grid = ["--method=alore,linear", "--experts=1,2", "--seeds=2"];
    const dry = good(await alore(folder, ...ABLATE, ...grid, "--dry-run"));
    assert.match(dry.stdout, /^Runs {8}6 runs: 6 new$/m);
    assert.match(dry.stdout, /^Parameters {2}0 to [\d,]+ trainable, the head/m);
    assert.match(dry.stdout, /^Time {8}about \d.*, by a few steps of 2 meth/m);
    assert.match(dry.stdout, /^Results {5}study\/table\.md, /m);
    await assert.rejects(() => Deno.stat(`${folder}/study`));

    const first = good(await alore(folder, ...ABLATE, ...grid));
    assert.equal(finished(first).length, 6);
    assert.equal(first.stderr.match(/^\[\d\/6\] /gm)?.length, 6);
    assert.match(first.stdout, /^linear .* {2}0 .* %/m);
    const table = await Deno.readTextFile(`${folder}/study/table.md`);
    assert.match(table, /over 2 seeds/);

    const again = good(await alore(folder, ...ABLATE, ...grid));
    assert.deepEqual(finished(again), []);

    const more = ["--method=alore,linear", "--experts=1,2,4", "--seeds=2"];
    const changed = good(await alore(folder, ...ABLATE, ...more));
    assert.equal(finished(changed).length, 2);
    assert.match(changed.stderr, /^Runs {8}8 runs: 6 done, 2 new$/m);
    assert.match(changed.stderr, /^Time .*, by \d finished runs$/m);
    assert.deepEqual(await statusOf(folder), { runs: 8, done: 8 });
    const { results } = await readStudy(`${folder}/study`);
    assert.equal(results.length, 8);

    // A run of a study is a run like others.
    const run = `study/runs/${results[0].hash}`;
    const found = good(
      await alore(folder, "eval", `--run=${run}`, "--device=cpu", "--json"),
    );
    assert.equal(JSON.parse(found.stdout).top1, results[0].test.top1);
  }));

Deno.test("ablate --list has the command that repeats a run by hand", () =>
  inStudy(async (folder) => {
    good(await alore(folder, ...ABLATE, "--rank=1,2", "--hflip=0.5"));
    const { stdout } = good(
      await alore(folder, "ablate", "--out=study", "--list", "--json"),
    );
    const [{ command, run, state }] = JSON.parse(stdout).runs;
    assert.equal(state, "done");
    const [deno, task, name, ...words] = command.split(" ");
    assert.deepEqual([deno, task, name], ["deno", "task", "alore"]);
    const device = ["--device=cpu", "--threads=1"];
    good(await alore(folder, ...words, ...device));
    const bytes = (path: string) =>
      Deno.readFile(`${folder}/${path}/adapter.safetensors`);
    assert.deepEqual(
      await bytes(run.replace("study/", "")),
      await bytes(run),
    );
    const text = good(await alore(folder, "ablate", "--out=study", "--list"));
    assert.match(text.stdout, /^ +1 {2}[0-9a-f]{12} {2}done .* rank 2$/m);
  }));

/** Starts a command and sends a signal once a run has some epochs. */
async function stopEarly(
  folder: string,
  words: readonly string[],
  signal: Deno.Signal,
): Promise<Ended> {
  const child = aloreCommand(words, folder).spawn();
  const path = `${folder}/study/runs`;
  for (let epochs = 0; epochs < 4;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const runs = await Array.fromAsync(Deno.readDir(path)).catch(() => []);
    const logs = await Promise.all(
      runs.map(({ name }) =>
        Deno.readTextFile(`${path}/${name}/metrics.jsonl`).catch(() => "")
      ),
    );
    epochs = logs.join("").split("\n").length - 1;
  }
  child.kill(signal);
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

for (const signal of ["SIGKILL", "SIGINT", "SIGTERM"] as const) {
  Deno.test(`ablate goes on after ${signal} with the same bits`, () =>
    inStudy(async (folder) => {
      const grid = ["--rank=1,2", "--epochs=80", "--dropout=0.1"];
      const stopped = await stopEarly(folder, [...ABLATE, ...grid], signal);
      assert.notEqual(stopped.code, 0);
      if (signal !== "SIGKILL") {
        assert.match(
          stopped.stderr,
          /^error: Stopped with 0 of 2 runs done; what was done of [0-9a-f]{12} \(\d+ epochs\) is saved in study$/m,
        );
        assert.match(
          stopped.stderr,
          /^hint: {2}continue with: deno task alore ablate --out study$/m,
        );
      }
      assert.deepEqual(await statusOf(folder), {
        runs: 2,
        interrupted: 1,
        new: 1,
      });
      const device = ["--device=cpu", "--threads=1"];
      const resumed = good(
        await alore(folder, "ablate", "--out=study", ...device),
      );
      const [hash, other] = finished(resumed);
      assert.ok(hash && other);
      const run = `study/runs/${hash}`;
      const log = await Deno.readTextFile(`${folder}/${run}/metrics.jsonl`);
      assert.equal(log.trim().split("\n").length, 80);
      const whole = ABLATE.with(1, "--out=whole");
      good(await alore(folder, ...whole, ...grid, "--index=0"));
      const bytes = (path: string) =>
        Deno.readFile(`${folder}/${path}/adapter.safetensors`);
      assert.deepEqual(
        await bytes(run),
        await bytes(run.replace("study/", "whole/")),
      );
    }));
}

Deno.test("ablate goes on after a failed run, and tries it again", () =>
  inStudy(async (folder) => {
    const grid = ["--method=full", "--lr=1e30,0.001", "--min-lr=0"];
    const ran = await alore(folder, ...ABLATE, ...grid);
    assert.equal(ran.code, 1);
    assert.equal(finished(ran).length, 1);
    assert.match(
      ran.stderr,
      /^\[1\/2\] full lr 1e\+30 .* failed: Cannot go on/m,
    );
    assert.match(ran.stderr, /^error: 1 run failed; study says why$/m);
    assert.match(ran.stderr, /^hint: .*--status; .*--only-failed$/m);
    assert.deepEqual(await statusOf(folder), { runs: 2, done: 1, failed: 1 });
    const status = good(
      await alore(folder, "ablate", "--out=study", "--status"),
    );
    assert.match(
      status.stdout,
      /^1 failure {2}Cannot go on training: got a l/m,
    );

    const more = [...grid, "--seeds=2"];
    const failed = await alore(folder, ...ABLATE, ...more, "--only-failed");
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /^\[1\/1\] .* failed: /m);
    assert.deepEqual(finished(failed), []);
    const rest = await alore(folder, ...ABLATE, ...more);
    assert.equal(rest.code, 1);
    assert.equal(finished(rest).length, 1);
    assert.equal(rest.stderr.match(/failed: /g)?.length, 2);
  }));

Deno.test("two processes on one study never do a run twice", () =>
  inStudy(async (folder) => {
    const words = [...ABLATE, "--rank=1,2,3", "--seeds=3", "--epochs=6"];
    const both = await Promise.all(
      [0, 1].map(() => ended(aloreCommand(words, folder))),
    );
    both.forEach(good);
    const hashes = both.flatMap(finished);
    assert.equal(hashes.length, 9);
    assert.equal(new Set(hashes).size, 9);
    assert.deepEqual(await statusOf(folder), { runs: 9, done: 9 });
    const lines = await Deno.readTextFile(`${folder}/study/results.jsonl`);
    assert.equal(lines.trim().split("\n").length, 9);
    const left = Array.from(Deno.readDirSync(`${folder}/study/locks`));
    assert.deepEqual(left, []);
  }));

Deno.test("ablate --index does the runs of one chunk", () =>
  inStudy(async (folder) => {
    const words = [...ABLATE, "--rank=1,2,3", "--chunk=2"];
    assert.equal(
      finished(good(await alore(folder, ...words, "--index=1"))).length,
      1,
    );
    assert.equal(
      finished(good(await alore(folder, ...words, "--index=0"))).length,
      2,
    );
    assert.equal(
      finished(good(await alore(folder, ...words, "--index=0"))).length,
      0,
    );
    assert.deepEqual(await statusOf(folder), { runs: 3, done: 3 });
    const none = await alore(folder, ...words, "--index=2");
    assert.equal(none.code, 1);
    assert.match(
      none.stderr,
      /^error: Cannot do the run 2: got a study of 3 runs in 2 chunks, wanted an index from 0 to 1$/m,
    );
  }));

Deno.test("ablate --spec reads a study, and flags replace what it says", () =>
  inStudy(async (folder) => {
    await Deno.writeTextFile(
      `${folder}/study.yaml`,
      "data: data.safetensors\nbackbone: small.safetensors\nepochs: 5\n" +
        "batch-size: 8\ngrids:\n  - { rank: [1, 2] }\n  - method: linear\n",
    );
    const words = ["ablate", "--spec=study.yaml", "--out=study", "--epochs=1"];
    const ran = good(await alore(folder, ...words, "--device=cpu", "--json"));
    const { results } = JSON.parse(ran.stdout);
    assert.deepEqual(
      results.map((
        result: { method: string; settings: { epochs: number } },
      ) => [result.method, result.settings.epochs]),
      [["alore", 1], ["alore", 1], ["linear", 1]],
    );
  }));

interface Mistake {
  readonly title: string;
  readonly words: readonly string[];
  readonly code: 1 | 2;
  readonly error: RegExp;
  readonly hint?: RegExp;
}

const mistakes: readonly Mistake[] = [
  {
    title: "a field that nothing has",
    words: ["ablate", "--spec=bad.yaml"],
    code: 1,
    error:
      /^Cannot read the study bad\.yaml, line 2: got an unknown field "exprts"/,
    hint: /^did you mean experts\?$/,
  },
  {
    title: "a file that is not there",
    words: ["ablate", "--spec=none.yaml"],
    code: 1,
    error: /^Cannot read none\.yaml: got nothing there/,
  },
  {
    title: "no grid and no study",
    words: ["ablate"],
    code: 2,
    error:
      /^Cannot go on with runs\/study: got no grid, and no study is there$/,
    hint: /--data/,
  },
  {
    title: "a word for a number",
    words: [...ABLATE, "--rank=1,two"],
    code: 2,
    error: /^Cannot use --rank: got "two", wanted whole numbers parted by comm/,
  },
  {
    title: "experts that do not divide the width",
    words: [...ABLATE, "--experts=1,5"],
    code: 1,
    error: /^Cannot build the ALoRE adapters: got 5 experts for a width of 48/,
  },
  {
    title: "a method that is none",
    words: [...ABLATE, "--method=alore,lore"],
    code: 1,
    error: /^Cannot find the method: got "lore"/,
    hint: /^did you mean alore\?$/,
  },
  {
    title: "an option that no method of the grid has",
    words: [...ABLATE, "--method=linear", "--experts=1,2"],
    code: 1,
    error:
      /^Cannot vary experts: got the method linear, wanted one that has it/,
  },
  {
    title: "a setting out of range",
    words: [...ABLATE, "--lr=0.1,-1"],
    code: 1,
    error: /^Cannot train: got a lr of -1, wanted above 0$/,
  },
  {
    title: "no seeds",
    words: [...ABLATE, "--seeds=0"],
    code: 2,
    error: /^Cannot use --seeds: got 0, wanted at least 1$/,
  },
];

for (const { title, words, code, error, hint } of mistakes) {
  Deno.test(`ablate refuses ${title} before anything is written`, () =>
    inStudy(async (folder) => {
      await Deno.writeTextFile(
        `${folder}/bad.yaml`,
        "data: data.safetensors\nexprts: [1]\n",
      );
      const before = Array.from(Deno.readDirSync(folder));
      const ran = await alore(folder, ...words);
      assert.equal(ran.code, code, ran.stderr);
      assert.match(/^error: (.*)$/m.exec(ran.stderr)?.[1] ?? "", error);
      if (hint) {
        assert.match(/^hint: {2}(.*)$/m.exec(ran.stderr)?.[1] ?? "", hint);
      }
      assert.deepEqual(Array.from(Deno.readDirSync(folder)), before);
    }));
}
