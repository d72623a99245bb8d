/**
 * A lock that processes on several machines hold by a file.
 *
 * A lock is a file that is created exclusively, which is atomic on local and
 * network file systems. Its holder writes to it every few seconds. A lock is
 * stale once its holder is gone: on the same host the system drops the holder's
 * `flock` when the process ends, however it ends; from another host only the age
 * of the file tells, by the file system's own clock. A stale lock is replaced
 * under a second exclusive file, so that two processes never replace it at once.
 *
 * @module
 */

/** How long locks live without a sign of life. */
export interface LockOptions {
  /** Between two signs of life; default 10. */
  readonly beatSeconds?: number;
  /** After which a lock is stale; default 120. */
  readonly staleSeconds?: number;
  /** This machine, if its name is known. */
  readonly host?: string;
}

/** Who holds a lock. */
export interface LockHolder {
  readonly id: string;
  /** Empty where it is not known. */
  readonly host: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
}

const BEAT_SECONDS = 10;
/** Seconds without a sign of life after which a lock is stale. */
export const STALE_SECONDS = 120;

/** A lock that this process holds. */
export class Lock {
  readonly path: string;
  readonly holder: LockHolder;
  readonly #file: Deno.FsFile;
  readonly #lost = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #beating: Promise<void> = Promise.resolve();

  private constructor(
    path: string,
    file: Deno.FsFile,
    holder: LockHolder,
    { beatSeconds = BEAT_SECONDS }: LockOptions,
  ) {
    this.path = path;
    this.holder = holder;
    this.#file = file;
    this.#timer = setInterval(() => {
      this.#beating = this.#beating.then(() => this.#beat());
    }, beatSeconds * 1000);
    Deno.unrefTimer(this.#timer);
  }

  /** Aborts when another process took the lock, this one being held for dead. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Takes a lock; its folder must exist.
   *
   * @returns Nothing if a living process holds it.
   */
  static async take(
    path: string,
    options: LockOptions = {},
  ): Promise<Lock | undefined> {
    const free = await Lock.#create(path, options);
    if (free || !await isStale(path, options)) return free;
    // Only one process at a time may replace a stale lock.
    const replacing = `${path}.replacing`;
    if (!await createEmpty(replacing)) {
      // Its maker lives for milliseconds; one that died there is cleared away.
      if (await isOld(replacing, options)) await removeIfThere(replacing);
      return undefined;
    }
    try {
      if (!await isStale(path, options)) return undefined;
      await removeIfThere(path);
      return await Lock.#create(path, options);
    } finally {
      await removeIfThere(replacing);
    }
  }

  static async #create(
    path: string,
    options: LockOptions,
  ): Promise<Lock | undefined> {
    let file: Deno.FsFile;
    try {
      file = await Deno.open(path, {
        createNew: true,
        read: true,
        write: true,
      });
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return undefined;
      throw error;
    }
    const holder: LockHolder = {
      id: crypto.randomUUID(),
      host: options.host ?? "",
      pid: Deno.pid,
      since: new Date().toISOString(),
    };
    // The flock comes before the name: a lock without a name is never taken for
    // one whose process has ended.
    await waitForFlock(file);
    await writeHolder(file, holder);
    return new Lock(path, file, holder, options);
  }

  /** Gives the lock back. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    const found = await readHolder(this.path);
    if (found?.id === this.holder.id) await removeIfThere(this.path);
    this.#file.close();
  }

  /** Gives the lock back at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  async #beat(): Promise<void> {
    try {
      const found = await readHolder(this.path);
      if (found?.id !== this.holder.id) {
        this.#lost.abort();
        return;
      }
      await this.#file.seek(0, Deno.SeekMode.Start);
      await writeHolder(this.#file, this.holder);
    } catch {
      // A file system that does not answer now may answer at the next beat.
    }
  }
}

/** Who holds a lock now; nothing if it is free or stale. */
export async function holderOf(
  path: string,
  options: LockOptions = {},
): Promise<LockHolder | undefined> {
  const holder = await readHolder(path);
  if (!holder || await isStale(path, options)) return undefined;
  return holder;
}

async function isStale(path: string, options: LockOptions): Promise<boolean> {
  const holder = await readHolder(path);
  if (holder) {
    const flock = await flockOf(path);
    if (flock === "held" || flock === "gone") return false;
    const sameHost = options.host !== undefined && holder.host === options.host;
    if (flock === "free" && sameHost) return true;
  }
  return await isOld(path, options);
}

/** Whether a file has not been written to for long. */
async function isOld(
  path: string,
  { staleSeconds = STALE_SECONDS }: LockOptions,
): Promise<boolean> {
  const probe = `${path}.${crypto.randomUUID()}.now`;
  try {
    const { mtime: then } = await Deno.stat(path);
    // Machines disagree about the time, so the file system is asked for it.
    await Deno.writeTextFile(probe, "");
    const { mtime: now } = await Deno.stat(probe);
    if (!then || !now) return false;
    return now.getTime() - then.getTime() > staleSeconds * 1000;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  } finally {
    await removeIfThere(probe);
  }
}

/** Whether a process has a file's flock; gone where there is no file. */
async function flockOf(
  path: string,
): Promise<"held" | "free" | "unknown" | "gone"> {
  try {
    using file = await Deno.open(path, { read: true, write: true });
    return await tryFlock(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "gone";
    // Another user's lock.
    if (error instanceof Deno.errors.PermissionDenied) return "unknown";
    throw error;
  }
}

/** Some file systems have no flock; there the age of the file must do. */
async function tryFlock(
  file: Deno.FsFile,
): Promise<"held" | "free" | "unknown"> {
  try {
    return await file.tryLock(true) ? "free" : "held";
  } catch {
    return "unknown";
  }
}

/** As long as others look whether it is free, each for a moment. */
async function waitForFlock(file: Deno.FsFile): Promise<void> {
  try {
    await file.lock(true);
  } catch {
    // There is none here.
  }
}

async function writeHolder(
  file: Deno.FsFile,
  holder: LockHolder,
): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(holder) + "\n");
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}

async function readHolder(path: string): Promise<LockHolder | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(path)) as LockHolder;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof SyntaxError) return undefined; // Being written.
    throw error;
  }
}

async function createEmpty(path: string): Promise<boolean> {
  try {
    (await Deno.open(path, { createNew: true, write: true })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
