/**
 * A job array for Slurm, as a script that a person can read and submit again.
 *
 * @module
 */

/** What the tasks of an array do. */
export interface SlurmArray {
  /** Tasks, each with its number in `SLURM_ARRAY_TASK_ID`, from 0. */
  readonly tasks: number;
  /** The program and what comes before `--index`, one word an element. */
  readonly command: readonly string[];
  /** Runs a task. */
  readonly chunk: number;
  /** Where the tasks work; relative paths mean the same there. */
  readonly folder: string;
  /** Folder of the logs, absolute. */
  readonly logs: string;
  /** Options of `sbatch`, such as `--partition=gpu --time=4:00:00`. */
  readonly options: string;
}

/**
 * Writes the script. Before its time limit a task saves its run and is queued
 * again; one that is preempted saves it and is queued again by Slurm itself.
 *
 * @throws {RangeError} If the options or the folders have several lines.
 */
export function slurmScript(array: SlurmArray): string {
  const { tasks, command, chunk, folder, logs, options } = array;
  const broken = [folder, logs, options].find((text) => /[\r\n]/.test(text));
  if (broken !== undefined) {
    throw new RangeError(
      `Cannot write the job script: got "${broken}", wanted one line`,
    );
  }
  return `#!/bin/bash
#SBATCH --job-name=alore-ablate
#SBATCH --array=0-${tasks - 1}
#SBATCH --output="${logs}/%A_%a.log"
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@120
${options ? `#SBATCH ${options}\n` : ""}
cd ${quoted(folder)} || exit 1

# USR1 comes before the time limit: the run is saved and goes on in a new job.
# TERM comes with preemption and scancel: the run is saved. Deno would answer
# USR1 with a debugger that listens on a port, so that it gets TERM for both.
requeue=
trap 'requeue=1; kill -TERM "$child" 2>/dev/null' USR1
trap 'kill -TERM "$child" 2>/dev/null' TERM

${command.map(quoted).join(" ")} \\
  --index "$SLURM_ARRAY_TASK_ID" --chunk ${chunk} &
child=$!

# A signal ends the wait, not the child.
while :; do
  wait "$child"
  status=$?
  kill -0 "$child" 2>/dev/null || break
done

if [ -n "$requeue" ] && [ "$status" -ne 0 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
`;
}

/** As a shell reads it back. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}
