import { cacheDirectory } from "../../kernels/cache_directory.ts";
import { inFolder } from "./folder.ts";

/** Runs work with an empty cache directory. */
export async function withCache(work: () => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const before = new Map(
      ["XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"]
        .map((name) => [name, Deno.env.get(name)]),
    );
    for (const name of before.keys()) Deno.env.set(name, folder);
    try {
      await work();
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) Deno.env.delete(name);
        else Deno.env.set(name, value);
      }
    }
  });
}

/** Where it is remembered what devices have passed. */
export function checkedPath(): string {
  return `${cacheDirectory()}/checked_devices.json`;
}
