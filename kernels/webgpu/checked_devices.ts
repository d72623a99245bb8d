/**
 * Remembers which devices have computed what they should, so that they are not
 * asked at every start.
 *
 * @module
 */

import { cacheFile, writeCacheFile } from "../cache_directory.ts";
import { kernelChecks } from "../kernel_checks.ts";
import type { AdapterReport } from "./adapter.ts";
import { kernels } from "./kernels.ts";

/** A driver may be replaced without a trace in what the adapter says. */
const VALID_DAYS = 30;

const FILE = "checked_devices.json";

const MOST_DEVICES = 32;

const DAY = 24 * 60 * 60 * 1000;

/** Days since 1970 on which devices passed, by {@linkcode deviceKey}. */
type Checked = Record<string, number>;

/** The adapter, what compiles for it, and the kernels, in one line. */
export async function deviceKey({ id }: AdapterReport): Promise<string> {
  const wgsl = [...kernels.values()].flatMap(({ shaders }) =>
    shaders.map((shader) => shader.wgsl)
  );
  const text = JSON.stringify([wgsl, [...kernelChecks]]);
  const bytes = new TextEncoder().encode(text);
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  const digits = new Uint8Array(hash).toHex().slice(0, 16);
  return `${id}; Deno ${Deno.version.deno}; kernels ${digits}`;
}

/** Whether a device passed in the last 30 days. */
export async function wasChecked(key: string): Promise<boolean> {
  const { [key]: day } = await readChecked();
  return day !== undefined && today() - day <= VALID_DAYS;
}

/** Remembers that a device passed; without a place for it, it does nothing. */
export async function rememberChecked(key: string): Promise<void> {
  const path = cacheFile(FILE, "write");
  if (path === undefined) return;
  const before = Object.entries(await readChecked())
    .filter(([other]) => other !== key)
    .sort(([, a], [, b]) => b - a).slice(0, MOST_DEVICES - 1);
  const checked = Object.fromEntries([[key, today()], ...before]);
  const text = JSON.stringify(checked, undefined, 2);
  try {
    await writeCacheFile(path, `${text}\n`);
  } catch {
    // A cache that cannot be written costs the next start a check.
  }
}

async function readChecked(): Promise<Checked> {
  const path = cacheFile(FILE, "read");
  if (path === undefined) return {};
  try {
    const found: unknown = JSON.parse(await Deno.readTextFile(path));
    const entries = Object.entries(found ?? {})
      .filter(([, day]) => typeof day === "number" && day <= today());
    return Object.fromEntries(entries);
  } catch {
    return {};
  }
}

function today(): number {
  return Math.floor(Date.now() / DAY);
}
