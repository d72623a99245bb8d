/**
 * Names that files and folders have until they are whole.
 *
 * A process that is killed leaves them behind. Beside each lies a file whose
 * `flock` its writer holds, and which the system drops when the writer ends,
 * however it ends: what nobody holds is removed by the next one on the same
 * machine who writes to the same path. Other machines may not see a `flock`, and
 * some file systems have none; there, nothing is removed.
 *
 * @module
 */

import { hostName } from "./host_name.ts";

/** A name to write under, which nothing has. */
export interface Temporary extends AsyncDisposable {
  readonly path: string;
}

const LOCK = ".lock";

/**
 * Takes a name beside a path, and clears away what killed writers of the same
 * path left there. What still has the name when it is given back is removed.
 *
 * @throws {Deno.errors.NotFound} If the path's folder does not exist.
 */
export async function takeTemporary(path: string): Promise<Temporary> {
  const end = path.search(/[^/\\]*$/);
  const [folder, base] = [path.slice(0, end), path.slice(end)];
  await clearLeftovers(folder, base);
  while (true) {
    const name = `${folder}.${base}.${crypto.randomUUID()}.tmp`;
    const lock = await Deno.open(name + LOCK, { write: true, createNew: true });
    // Held by someone who thinks that its writer was killed, just now.
    if (!await lock.tryLock(true).catch(() => true)) {
      lock.close();
      continue;
    }
    // Without it, on a full disk, nobody takes the writer for a killed one.
    const host = new TextEncoder().encode(hostName() ?? "");
    await lock.write(host).catch(() => 0);
    return {
      path: name,
      async [Symbol.asyncDispose]() {
        // What is in the way of removing was in the way of writing, and is told.
        await removeIfThere(name).catch(() => {});
        await removeIfThere(name + LOCK).catch(() => {});
        lock.close();
      },
    };
  }
}

async function clearLeftovers(folder: string, base: string): Promise<void> {
  const host = hostName();
  if (host === undefined) return;
  const locks: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder || ".")) {
      if (!name.startsWith(`.${base}.`)) continue;
      const rest = name.slice(base.length + 2);
      if (/^[0-9a-f-]{36}\.tmp\.lock$/.test(rest)) locks.push(folder + name);
    }
  } catch {
    return; // A folder that cannot be listed may still be written.
  }
  for (const lock of locks) await clear(lock, host);
}

/** Removes what a lock stands for, and then the lock, if nobody holds it. */
async function clear(lock: string, host: string): Promise<void> {
  try {
    if (await Deno.readTextFile(lock) !== host) return;
    using file = await Deno.open(lock, { read: true, write: true });
    if (!await file.tryLock(true)) return;
    await removeIfThere(lock.slice(0, -LOCK.length));
    await removeIfThere(lock);
  } catch {
    // Another one was faster, it is another user's, or there is no flock.
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
