/**
 * The folder of the demo's results.
 *
 * @module
 */

import { writeFile } from "../../core/weights/write_file.ts";

/** A file that only a demo writes, so that its folder may be replaced. */
const MARK = "demo.json";

/** A folder that becomes visible once it is complete. */
export interface DemoFolder {
  /** Where files are written. */
  readonly working: string;
  /** Where they will be. */
  readonly final: string;
  /** Puts the folder in its place, instead of an earlier demo's. */
  publish(document: unknown): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}

/**
 * Makes a folder for a demo: `wanted`, or a numbered one beside it where
 * something else is there.
 */
export async function openDemoFolder(wanted: string): Promise<DemoFolder> {
  let final = wanted;
  for (let i = 2; await taken(final); i++) final = `${wanted}-${i}`;
  const parent = final.slice(0, final.lastIndexOf("/"));
  const base = final.slice(parent.length + 1);
  const working = `${parent}/.${base}.${crypto.randomUUID()}.tmp`;
  await Deno.mkdir(working, { recursive: true });
  return {
    working,
    final,
    async publish(document) {
      const text = JSON.stringify(document, undefined, 2) + "\n";
      await writeFile(`${working}/${MARK}`, text);
      await replaceFolder(working, final);
    },
    discard: () => Deno.remove(working, { recursive: true }),
  };
}

/** Whether something is there that is not an earlier demo. */
async function taken(path: string): Promise<boolean> {
  return await exists(path) && !await exists(`${path}/${MARK}`);
}

async function replaceFolder(from: string, to: string): Promise<void> {
  const old = `${from}.old`;
  const replaces = await exists(to);
  if (replaces) await Deno.rename(to, old);
  await Deno.rename(from, to);
  if (replaces) await Deno.remove(old, { recursive: true });
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
