/**
 * A study on a real Slurm: `slurmctld` and `slurmd` of one node, started for
 * the test. Left out where they are not installed or this is not root, unless
 * ALORE_REQUIRE_SLURM=1.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readStudy } from "../../core/study/results.ts";
import { alore, aloreCommand, ended } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";
import { writeSmallFiles } from "../support/small_run.ts";

const SCRIPT = fileURLToPath(new URL("cluster.sh", import.meta.url));
const EPOCHS = 200;
const MINUTES = 4;

async function output(
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  assert.ok(success, `${command} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout).trim();
}

async function usable(): Promise<boolean> {
  if (Deno.env.get("ALORE_REQUIRE_SLURM") === "1") return true;
  try {
    await output("slurmctld", ["-V"]);
    await output("munged", ["--version"]);
    return await output("id", ["-u"]) === "0";
  } catch {
    return false;
  }
}

/** Starts a cluster for the time of some work. */
async function onCluster(
  folder: string,
  work: (env: Record<string, string>) => Promise<void>,
): Promise<void> {
  const cluster = `${folder}/cluster`;
  const said = await output(SCRIPT, ["start", cluster]);
  try {
    await work({ SLURM_CONF: said.replace("SLURM_CONF=", "") });
  } finally {
    await output(SCRIPT, ["stop", cluster]);
  }
}

/** Waits until something holds. */
async function until(
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + MINUTES * 60_000;
  while (!await holds()) {
    assert.ok(Date.now() < deadline, `${what} after ${MINUTES} minutes`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Complete epochs of a run. */
async function epochsOf(run: string): Promise<number[]> {
  const text = await Deno.readTextFile(`${run}/metrics.jsonl`).catch(() => "");
  return text.split("\n").filter(Boolean)
    .map((line) => JSON.parse(line).epoch);
}

Deno.test({
  name:
    "ablate --executor slurm finishes a study, one run requeued, one told " +
    "of its time limit",
  ignore: !await usable(),
  fn: () =>
    inFolder(async (folder) => {
      await Deno.chmod(folder, 0o755); // munged wants its folders open.
      await writeSmallFiles(folder);
      await onCluster(folder, async (env) => {
        const grid = [
          ...["--data=data.safetensors", "--backbone=small.safetensors"],
          ...[`--epochs=${EPOCHS}`, "--batch-size=8", "--rank=1,2,4"],
          ...["--device=cpu", "--threads=1", "--blas=off"],
        ];
        const submit = (...words: string[]) =>
          ended(aloreCommand(
            ["ablate", ...words, "--executor=slurm", "--json"],
            folder,
            env,
            "alore:slurm",
          ));
        const refused = await submit(
          ...["--out=other", ...grid, "--slurm=--partition=nowhere"],
        );
        assert.equal(refused.code, 1);
        assert.match(
          refused.stderr,
          /^error: Cannot submit the job: sbatch said ".*invalid partition/m,
        );
        const submitted = await submit(
          ...["--out=study", ...grid, "--slurm=--time=10"],
        );
        assert.equal(submitted.code, 0, submitted.stderr);
        const { job, tasks } = JSON.parse(submitted.stdout);
        assert.equal(tasks, 3);
        assert.match(job, /^\d+$/);

        // What is in the queue is not submitted twice.
        const more = await submit("--out=study");
        assert.equal(more.code, 0, more.stderr);
        assert.match(more.stderr, /^3 runs left out: in the queue or running/m);
        assert.equal(JSON.parse(more.stdout).job, undefined);

        const list = await alore(
          folder,
          "ablate",
          "--out=study",
          "--list",
          "--json",
        );
        const runs: string[] = JSON.parse(list.stdout).runs
          .map(({ run }: { run: string }) => `${folder}/${run}`);
        for (const run of runs.slice(0, 2)) {
          await until(
            `${run} has begun`,
            async () => (await epochsOf(run)).length > 5,
          );
        }
        await output("scontrol", ["requeue", `${job}_0`], env);
        await output("scancel", ["--signal=USR1", "--batch", `${job}_1`], env);
        await until(
          "the queue is empty",
          async () => await output("squeue", ["-h"], env) === "",
        );

        const status = await alore(
          folder,
          "ablate",
          "--out=study",
          "--status",
          "--json",
        );
        assert.equal(status.code, 0, status.stderr);
        const { counts } = JSON.parse(status.stdout);
        const logs = await Promise.all([0, 1, 2].map((task) =>
          Deno.readTextFile(`${folder}/study/slurm/1/${job}_${task}.log`)
        ));
        assert.equal(counts.done, 3, logs.join("\n"));
        // Two were stopped on the way and went on; none was done twice.
        const starts = logs.map((log) =>
          log.match(/^alore \d/gm)?.length
        );
        assert.deepEqual(starts, [2, 2, 1], logs.join("\n"));
        const ends = logs.map((log) => log.match(/ {2}test \d/g)?.length);
        assert.deepEqual(ends, [1, 1, 1], logs.join("\n"));
        const wanted = Array.from({ length: EPOCHS }, (_, i) => i + 1);
        for (const run of runs) assert.deepEqual(await epochsOf(run), wanted);
        const { results } = await readStudy(`${folder}/study`);
        assert.equal(results.length, 3);
        const lines = await Deno.readTextFile(`${folder}/study/results.jsonl`);
        assert.equal(lines.trim().split("\n").length, 3);

        // The run that was requeued equals one that never stopped.
        const whole = await alore(
          folder,
          "ablate",
          "--out=whole",
          ...grid,
          "--index=0",
        );
        assert.equal(whole.code, 0, whole.stderr);
        const adapter = (run: string) =>
          Deno.readFile(`${run}/adapter.safetensors`);
        assert.deepEqual(
          await adapter(runs[0]),
          await adapter(runs[0].replace("/study/", "/whole/")),
        );
      });
    }),
});

Deno.test("ablate --executor slurm without sbatch writes a script that bash reads", () =>
  inFolder(async (folder) => {
    await writeSmallFiles(folder);
    const { code, stdout, stderr } = await alore(
      folder,
      ...["ablate", "--data=data.safetensors", "--backbone=small.safetensors"],
      ...["--rank=1,2,4", "--executor=slurm", "--chunk=2", "--json"],
      "--slurm=--partition=gpu --time=4:00:00",
    );
    assert.equal(code, 0, stderr);
    const { script, tasks, job } = JSON.parse(stdout);
    assert.equal(tasks, 2);
    assert.equal(job, undefined);
    await output("bash", ["-n", `${folder}/${script}`]);
    const text = await Deno.readTextFile(`${folder}/${script}`);
    assert.match(text, /^#SBATCH --array=0-1$/m);
    assert.match(text, /^#SBATCH --partition=gpu --time=4:00:00$/m);
    assert.match(text, /--index "\$SLURM_ARRAY_TASK_ID" --chunk 2 &$/m);
  }));
