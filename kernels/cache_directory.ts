/**
 * Where this user's caches are.
 *
 * @module
 */

/**
 * The folder for what can be made again: `alore` in `$XDG_CACHE_HOME` or
 * `~/.cache`, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows. It need
 * not exist. `undefined` where the environment may not be read without asking
 * or does not name one.
 */
export function cacheDirectory(): string | undefined {
  const root = rootOf(Deno.build.os);
  return root && `${root}/alore`;
}

/** A file of {@linkcode cacheDirectory}, where it may be used without asking. */
export function cacheFile(
  name: string,
  use: "read" | "write",
): string | undefined {
  const folder = cacheDirectory();
  if (folder === undefined) return undefined;
  const path = `${folder}/${name}`;
  const { state } = Deno.permissions.querySync({ name: use, path });
  return state === "granted" ? path : undefined;
}

/** Writes a cache's file, whole or not at all, and its folder. */
export async function writeCacheFile(
  path: string,
  text: string,
): Promise<void> {
  const part = `${path}.${crypto.randomUUID()}`;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  try {
    await Deno.writeTextFile(part, text);
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part).catch(() => {});
    throw error;
  }
}

function rootOf(os: typeof Deno.build.os): string | undefined {
  if (os === "windows") return variable("LOCALAPPDATA");
  const home = variable("HOME");
  if (os === "darwin") return home && `${home}/Library/Caches`;
  return variable("XDG_CACHE_HOME") ?? (home && `${home}/.cache`);
}

function variable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) || undefined : undefined;
}
