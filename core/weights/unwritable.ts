import { hinted } from "../errors.ts";

/** What is there instead of a folder that can be written, by the system. */
const FOUND: Readonly<Record<string, string>> = {
  EACCES: "a folder that may not be written",
  EEXIST: "a file in place of a folder",
  ENOENT: "a place where no folder can be made",
  ENOTDIR: "a file in place of a folder",
  EPERM: "a folder that may not be written",
  EROFS: "a disk that may not be written",
};

/**
 * What to throw where a path cannot be written: the error itself where it is
 * about something else.
 */
export function unwritable(path: string, cause: unknown): unknown {
  const found = cause instanceof Deno.errors.NotCapable
    ? "a place that Deno was not allowed to write"
    : FOUND[(cause as { code?: string } | undefined)?.code ?? ""];
  if (found === undefined) return cause;
  return hinted(
    new RangeError(
      `Cannot write ${path}: got ${found}, wanted a folder that can be written`,
      { cause },
    ),
    "choose another path, such as one within this folder",
  );
}

/**
 * Makes a folder and those above it.
 *
 * @throws {RangeError} If it cannot be made; what is there already is fine.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw unwritable(path, error);
  }
}

/**
 * Refuses a path where no folder can be, before anything else is done.
 *
 * @throws {RangeError} If a file or a permission is in the way.
 */
export async function refuseNoFolder(path: string): Promise<void> {
  try {
    await Deno.lstat(`${path}/.`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw unwritable(path, error);
  }
}
