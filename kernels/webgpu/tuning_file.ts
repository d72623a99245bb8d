/**
 * Keeps the tuner's tables in the user's cache folder, a file an adapter.
 *
 * @module
 */

import {
  cacheDirectory,
  cacheFile,
  writeCacheFile,
} from "../cache_directory.ts";
import type { AdapterReport } from "./adapter.ts";
import type { MatmulVariant } from "./matmul_variant.ts";
import { parseTable, tableOwner, tableText } from "./tuning_table.ts";

/** The table of an adapter, or why there is none. */
export interface Tuning {
  /** Empty where there is no table that can be used. */
  readonly choices: Map<string, MatmulVariant>;
  /** Where the table is or would be; undefined where it may not be looked for. */
  readonly path?: string;
  /** Why a table that is there is not used. */
  readonly note?: string;
}

/** Reads the table of an adapter; one that cannot be used is left out. */
export async function loadTuning(adapter: AdapterReport): Promise<Tuning> {
  const path = cacheFile(fileName(adapter), "read");
  if (path === undefined) return { choices: new Map() };
  try {
    const text = await Deno.readTextFile(path);
    const owner = tableOwner(adapter, Deno.version.deno);
    return { choices: parseTable(text, owner, adapter), path };
  } catch (error) {
    const choices = new Map<string, MatmulVariant>();
    if (error instanceof Deno.errors.NotFound) return { choices, path };
    const message = error instanceof Error ? error.message : String(error);
    const note = `${message}; ${path} is left out, \`bench --tune\` makes a ` +
      "new one";
    return { choices, path, note };
  }
}

/**
 * Where the table of an adapter may be written.
 *
 * @throws {TypeError} If there is no such place, with a hint.
 */
export function tuningTarget(adapter: AdapterReport): string {
  const folder = cacheDirectory();
  if (folder === undefined) {
    throw new TypeError(
      "Cannot keep a tuning table: got no cache folder, wanted one from HOME, " +
        "XDG_CACHE_HOME or LOCALAPPDATA",
    );
  }
  const path = cacheFile(fileName(adapter), "write");
  if (path !== undefined) return path;
  const error = new TypeError(
    `Cannot keep a tuning table: got no permission to write into ${folder}`,
  );
  const hint = "deno task alore bench --tune has it";
  throw Object.assign(error, { hint });
}

/**
 * Writes the table of an adapter, whole or not at all.
 *
 * @throws {TypeError} If there is no place for it, with a hint.
 */
export async function saveTuning(
  adapter: AdapterReport,
  choices: ReadonlyMap<string, MatmulVariant>,
): Promise<void> {
  const owner = tableOwner(adapter, Deno.version.deno);
  await writeCacheFile(tuningTarget(adapter), tableText(owner, choices));
}

function fileName({ id }: AdapterReport): string {
  const name = id.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").slice(0, 100);
  return `tuning-${name.replaceAll(/^-|-$/g, "")}.json`;
}
