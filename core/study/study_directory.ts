/**
 * The files of a study.
 *
 *     study.json           the grids, so that the study can go on without flags
 *     runs/HASH/           a run directory, with result.json, test.safetensors
 *                          when it is done and error.json when it failed
 *     locks/HASH           who is working on a run
 *     results.jsonl        every result, one a line, append-only
 *     results.csv table.md table.tex   made from it
 *     slurm/               job scripts and their logs
 *
 * A run's `result.json` is written whole and renamed into place by the process
 * that holds the run's lock, and `results.jsonl` is gathered from those files
 * under a lock of its own: appending from several machines is not atomic on NFS.
 *
 * @module
 */

import { hostName } from "../weights/host_name.ts";
import { RunDirectory } from "../train/run_directory.ts";
import { makeFolder } from "../weights/unwritable.ts";
import { writeFile } from "../weights/write_file.ts";
import { holderOf, Lock, type LockOptions, STALE_SECONDS } from "./lock.ts";
import {
  parseResult,
  readPredictions,
  type RunResult,
  type TestPredictions,
} from "./run_result.ts";

/** Where a run stands. */
export type RunState = "new" | "interrupted" | "running" | "failed" | "done";

/** Where a run stands, and why. */
export interface RunStatus {
  readonly state: RunState;
  /** Epochs that are complete; absent where the run is new. */
  readonly epochs?: number;
  /** Why it failed. */
  readonly error?: RunFailure;
}

/** What `error.json` holds. */
export interface RunFailure {
  readonly message: string;
  readonly hint?: string;
  readonly stack?: string;
  /** ISO 8601. */
  readonly date: string;
  readonly host: string;
}

const PATIENCE_MS = 30_000;
const PAUSE_MS = 100;

/** A study's folder. */
export class StudyDirectory {
  readonly path: string;
  readonly #lock: LockOptions;

  /** @param lock How long its locks live. */
  constructor(path: string, lock: LockOptions = {}) {
    this.path = path.replace(/(.)\/+$/, "$1");
    this.#lock = { host: hostName(), ...lock };
  }

  /**
   * Makes the folders.
   *
   * @throws {RangeError} If they cannot be made.
   */
  async create(): Promise<void> {
    for (const folder of ["runs", "locks"]) {
      await makeFolder(`${this.path}/${folder}`);
    }
  }

  /** Where a file of the study is. */
  file(name: string): string {
    return `${this.path}/${name}`;
  }

  /** The folder of a run. */
  runPath(hash: string): string {
    return `${this.path}/runs/${hash}`;
  }

  /** Takes the lock of a run; nothing if another process works on it. */
  async lock(name: string): Promise<Lock | undefined> {
    return await Lock.take(this.file(`locks/${name}`), this.#lock);
  }

  /**
   * Takes a lock that others hold for moments only.
   *
   * @returns Null if it was not free for half a minute.
   */
  async lockSoon(name: string): Promise<Lock | null> {
    for (let waited = 0; waited < PATIENCE_MS; waited += PAUSE_MS) {
      const lock = await this.lock(name);
      if (lock) return lock;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    return null;
  }

  /**
   * Waits while a process of another machine seems to hold a lock, for as long
   * as it takes to know whether that process is alive.
   *
   * @returns Whether the lock is free now.
   */
  async outlast(name: string, signal: AbortSignal): Promise<boolean> {
    const path = this.file(`locks/${name}`);
    const { staleSeconds = STALE_SECONDS } = this.#lock;
    const pause = Math.min(5, staleSeconds / 10);
    for (let waited = 0; waited < 1.5 * staleSeconds; waited += pause) {
      const holder = await holderOf(path, this.#lock);
      if (!holder) return true;
      // The system of this machine has said that the process is alive.
      if (holder.host === this.#lock.host || signal.aborted) return false;
      await new Promise((resolve) => setTimeout(resolve, pause * 1000));
    }
    return false;
  }

  /** Looks at the files of a run. */
  async status(hash: string): Promise<RunStatus> {
    const path = this.runPath(hash);
    if (await readText(`${path}/result.json`) !== undefined) {
      return { state: "done" };
    }
    const working = await holderOf(this.file(`locks/${hash}`), this.#lock);
    const epochs = await epochsOf(path);
    if (working) return { state: "running", epochs };
    const error = await readText(`${path}/error.json`);
    if (error !== undefined) {
      return { state: "failed", epochs, error: JSON.parse(error) };
    }
    return epochs === undefined
      ? { state: "new" }
      : { state: "interrupted", epochs };
  }

  /** The result of a run; nothing if it is not done. */
  async result(hash: string): Promise<RunResult | undefined> {
    const path = `${this.runPath(hash)}/result.json`;
    const text = await readText(path);
    return text === undefined ? undefined : parseResult(text, path);
  }

  /**
   * What a finished run takes each test image for.
   *
   * @throws {RangeError} If it is not done.
   */
  async predictions(hash: string): Promise<TestPredictions> {
    return await readPredictions(`${this.runPath(hash)}/test.safetensors`);
  }

  /** Marks a run as done. */
  async saveResult(result: RunResult): Promise<void> {
    await writeJson(`${this.runPath(result.hash)}/result.json`, result);
  }

  /** Marks a run as failed. */
  async saveFailure(hash: string, failure: RunFailure): Promise<void> {
    await Deno.mkdir(this.runPath(hash), { recursive: true });
    await writeJson(`${this.runPath(hash)}/error.json`, failure);
  }

  /** Takes a failure back before the run is tried again. */
  async clearFailure(hash: string): Promise<void> {
    try {
      await Deno.remove(`${this.runPath(hash)}/error.json`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Complete epochs of a run; nothing if there is no run. */
async function epochsOf(path: string): Promise<number | undefined> {
  if (await readText(`${path}/config.json`) === undefined) return undefined;
  try {
    const run = await RunDirectory.open(path);
    return (await run.readRecords()).length;
  } catch (error) {
    if (error instanceof SyntaxError) return 0; // It will start again.
    throw error;
  }
}

/** A file's text; nothing if there is none. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function writeJson(path: string, value: unknown): Promise<void> {
  const text = JSON.stringify(value, undefined, 2) + "\n";
  await writeFile(path, text, { overwrite: true });
}
