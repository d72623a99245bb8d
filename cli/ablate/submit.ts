/**
 * Hands the runs of a study to Slurm.
 *
 * @module
 */

import { gridOfCell } from "../../core/study/grid.ts";
import { slurmScript } from "../../core/study/slurm_script.ts";
import type { StudyDirectory } from "../../core/study/study_directory.ts";
import { writeGrids } from "../../core/study/study_file.ts";
import type { PlannedRun } from "../../core/study/study_plan.ts";
import { writeFile } from "../../core/weights/write_file.ts";
import type { Input } from "../input.ts";
import { mayRun, rememberJob, sbatch } from "./queue.ts";

/** A job array that was written and, where that is allowed, submitted. */
export interface Submission {
  readonly script: string;
  readonly tasks: number;
  /** Slurm's number; absent where this program may not run `sbatch`. */
  readonly job?: string;
}

/** The folder of the program. */
const ROOT = new URL("../../", import.meta.url);

/**
 * Writes the script of an array with its runs beside it, and submits it if the
 * program may.
 *
 * @throws {FailedWith} If `sbatch` refuses.
 */
export async function submit(
  study: StudyDirectory,
  runs: readonly PlannedRun[],
  input: Input,
): Promise<Submission> {
  const folder = await newFolder(study.file("slurm"));
  // The array's own list: its numbers stay what they are when the study grows.
  const spec = `${folder}/runs.json`;
  await writeGrids(spec, runs.map(({ cell }) => gridOfCell(cell)));
  const chunk = input.number("chunk");
  const tasks = Math.ceil(runs.length / chunk);
  const script = `${folder}/job.sh`;
  const text = slurmScript({
    tasks,
    chunk,
    command: [
      ...await program(),
      "ablate",
      ...["--out", study.path, "--spec", spec],
      ...deviceWords(input),
    ],
    folder: Deno.cwd(),
    logs: await Deno.realPath(folder),
    options: input.textOr("slurm") ?? "",
  });
  await writeFile(script, text);
  if (!mayRun("sbatch")) return { script, tasks };
  const job = await sbatch(script);
  const hashes = runs.map(({ hash }) => hash);
  await rememberJob(folder, { job, chunk, runs: hashes });
  return { script, tasks, job };
}

/** `slurm/1`, `slurm/2`, …; two processes never get the same. */
async function newFolder(parent: string): Promise<string> {
  await Deno.mkdir(parent, { recursive: true });
  for (let i = 1;; i++) {
    try {
      await Deno.mkdir(`${parent}/${i}`);
      return `${parent}/${i}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

/** This program as `deno task alore` starts it, with the same permissions. */
async function program(): Promise<string[]> {
  const config = new URL("deno.json", ROOT);
  const { tasks } = JSON.parse(await Deno.readTextFile(config));
  const [deno, run, ...words] = String(tasks.alore).split(" ");
  const main = words.pop();
  if (deno !== "deno" || run !== "run" || main !== "cli/main.ts") {
    throw new RangeError(
      `Cannot write the job script: got the task "${tasks.alore}", wanted ` +
        "deno run … cli/main.ts",
    );
  }
  const path = (name: string) =>
    decodeURIComponent(new URL(name, ROOT).pathname);
  return [
    Deno.execPath(),
    "run",
    ...words,
    `--config=${path("deno.json")}`,
    path(main),
  ];
}

function deviceWords(input: Input): string[] {
  return ["device", "threads", "blas"].flatMap((name) =>
    input.given(name) ? [`--${name}`, String(input.value(name))] : []
  );
}
