/**
 * Remembers which uses of kernels devices have computed right, so that they are
 * not tried at every start.
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

/** Days since 1970 on which a device passed, by use. */
type Days = ReadonlyMap<string, number>;

/** What a device passed in the last 30 days. */
export class CheckedUses {
  readonly #device: string;
  readonly #passed: Set<string>;

  private constructor(device: string, passed: Set<string>) {
    this.#device = device;
    this.#passed = passed;
  }

  /** Of an adapter; `forget` leaves out what was found before. */
  static async of(
    adapter: AdapterReport,
    { forget }: { forget: boolean },
  ): Promise<CheckedUses> {
    const device = await deviceKey(adapter);
    const days = forget ? new Map() : (await readChecked()).get(device) ?? [];
    return new CheckedUses(device, new Set([...days].map(([use]) => use)));
  }

  /** Whether nothing is known about it. */
  get empty(): boolean {
    return this.#passed.size === 0;
  }

  /** Whether it passed a use, as `useKey` writes it. */
  has(use: string): boolean {
    return this.#passed.has(use);
  }

  /** Remembers uses; without a place for them, only until the process ends. */
  async add(uses: readonly string[]): Promise<void> {
    for (const use of uses) this.#passed.add(use);
    const path = cacheFile(FILE, "write");
    if (path === undefined) return;
    const before = await readChecked();
    const now = uses.map((use) => [use, today()] as const);
    const days: Days = new Map([...before.get(this.#device) ?? [], ...now]);
    before.delete(this.#device);
    const others = [...before].sort(([, a], [, b]) => latest(b) - latest(a))
      .slice(0, MOST_DEVICES - 1);
    const devices = [[this.#device, days] as const, ...others];
    const text = JSON.stringify(
      Object.fromEntries(
        devices.map(([device, days]) => [device, Object.fromEntries(days)]),
      ),
      undefined,
      2,
    );
    try {
      await writeCacheFile(path, `${text}\n`);
    } catch {
      // A cache that cannot be written costs the next start a check.
    }
  }
}

/** The adapter, what compiles for it, and the kernels, in one line. */
async function deviceKey({ id, subgroups }: AdapterReport): Promise<string> {
  const wgsl = [...kernels.values()].flatMap(({ shaders }) =>
    shaders.map((shader) => shader.wgsl)
  );
  const text = JSON.stringify([wgsl, [...kernelChecks], subgroups]);
  const bytes = new TextEncoder().encode(text);
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  const digits = new Uint8Array(hash).toHex().slice(0, 16);
  return `${id}; Deno ${Deno.version.deno}; kernels ${digits}`;
}

function latest(days: Days): number {
  return Math.max(...days.values());
}

/** What still holds, by device. */
async function readChecked(): Promise<Map<string, Days>> {
  const path = cacheFile(FILE, "read");
  if (path === undefined) return new Map();
  try {
    const found: unknown = JSON.parse(await Deno.readTextFile(path));
    const devices = Object.entries(found ?? {}).map(([device, uses]) =>
      [device, daysOf(uses)] as const
    );
    return new Map(devices.filter(([, days]) => days.size > 0));
  } catch {
    return new Map();
  }
}

function daysOf(uses: unknown): Days {
  const holds = (day: unknown): day is number =>
    typeof day === "number" && day <= today() && today() - day <= VALID_DAYS;
  return new Map(
    Object.entries(uses ?? {}).flatMap(([use, day]: [string, unknown]) =>
      holds(day) ? [[use, day]] : []
    ),
  );
}

function today(): number {
  return Math.floor(Date.now() / DAY);
}
