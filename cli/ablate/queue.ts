/**
 * Talks to Slurm: submits scripts, and asks what is still in the queue.
 *
 * @module
 */

import { z } from "zod";
import { hinted } from "../../core/errors.ts";
import {
  readText,
  type StudyDirectory,
} from "../../core/study/study_directory.ts";
import { writeFile } from "../../core/weights/write_file.ts";
import { FailedWith } from "../failed_with.ts";

const jobSchema = z.object({
  /** Slurm's number. */
  job: z.string(),
  /** Runs a task. */
  chunk: z.int().positive(),
  /** Hashes, in the order of the tasks. */
  runs: z.array(z.string()),
});

/** A job array that was submitted. */
export type SubmittedJob = z.infer<typeof jobSchema>;

const FILE = "job.json";

/** Whether this program may run another one. */
export function mayRun(command: string): boolean {
  const { state } = Deno.permissions.querySync({ name: "run", command });
  return state === "granted";
}

/** Keeps what was submitted beside its script. */
export async function rememberJob(
  folder: string,
  job: SubmittedJob,
): Promise<void> {
  await writeFile(`${folder}/${FILE}`, JSON.stringify(job) + "\n");
}

/**
 * The runs whose tasks are waiting or running in Slurm; none where this program
 * may not ask.
 */
export async function queuedRuns(study: StudyDirectory): Promise<Set<string>> {
  const queued = new Set<string>();
  if (!mayRun("squeue")) return queued;
  for (const { job, chunk, runs } of await jobsOf(study)) {
    for (const task of await queuedTasks(job)) {
      for (const hash of runs.slice(task * chunk, (task + 1) * chunk)) {
        queued.add(hash);
      }
    }
  }
  return queued;
}

async function jobsOf(study: StudyDirectory): Promise<SubmittedJob[]> {
  const folder = study.file("slurm");
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)
    .catch((error) => {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    });
  const texts = await Promise.all(
    names.map((name) => readText(`${folder}/${name}/${FILE}`)),
  );
  return texts.flatMap((text) =>
    text === undefined ? [] : [jobSchema.parse(JSON.parse(text))]
  );
}

/** Numbers of the tasks of a job that are not over. */
async function queuedTasks(job: string): Promise<number[]> {
  const ended = await run("squeue", ["-h", "-r", "-j", job, "-o", "%K"]);
  // Slurm forgets jobs some time after their end, and then refuses the number.
  if (!ended?.success) return [];
  return ended.said.split("\n").filter(Boolean).map(Number)
    .filter(Number.isInteger);
}

/**
 * Submits a script.
 *
 * @returns Slurm's number of the job.
 * @throws {FailedWith} If there is no Slurm here, or it refuses.
 */
export async function sbatch(script: string): Promise<string> {
  const ended = await run("sbatch", ["--parsable", script]);
  if (!ended) {
    throw hinted(
      new FailedWith("Cannot submit the job: got no sbatch on this machine", {
        script,
      }),
      `submit it where Slurm is: sbatch ${script}`,
    );
  }
  // With several clusters the number comes as "123;cluster".
  if (ended.success) return ended.said.split(";")[0];
  throw hinted(
    new FailedWith(`Cannot submit the job: sbatch said "${ended.refused}"`, {
      script,
    }),
    `correct --slurm, or the script itself and: sbatch ${script}`,
  );
}

/** Runs a program; nothing where there is none. */
async function run(
  name: string,
  args: string[],
): Promise<{ success: boolean; said: string; refused: string } | undefined> {
  try {
    const ended = await new Deno.Command(name, { args }).output();
    const [said, refused] = [ended.stdout, ended.stderr]
      .map((bytes) => new TextDecoder().decode(bytes).trim());
    return { success: ended.success, said, refused };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
