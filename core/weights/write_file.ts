import { hinted } from "../errors.ts";
import { takeTemporary } from "./temporary.ts";
import { unwritable } from "./unwritable.ts";

/** How {@linkcode writeFile} treats what is there already. */
export interface WriteFileOptions {
  /** Replace an existing file; default false. */
  overwrite?: boolean;
}

/**
 * Refuses a path that exists, so that a command can say so before it works for
 * an hour.
 *
 * @param hint What else there is to do.
 * @throws {RangeError} If something is there, or nothing can be, with a hint.
 */
export async function refuseExisting(
  path: string,
  hint = "Choose another path, or remove what is there",
): Promise<void> {
  try {
    await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw unwritable(path, error);
  }
  throw hinted(
    new RangeError(
      `Cannot write ${path}: got a path that exists, wanted a new one`,
    ),
    hint,
  );
}

/**
 * Writes a file whole or not at all.
 *
 * The content goes to a uniquely named file of the same folder, is flushed to
 * the disk and renamed, so that a crash leaves the old file or the new one and
 * two writers never share a temporary file; see {@linkcode takeTemporary} for
 * those of writers that were killed.
 *
 * @param content Bytes, or text that is written as UTF-8.
 * @throws {RangeError} If the path exists and `overwrite` is not set, or its
 * folder does not exist or may not be written.
 */
export async function writeFile(
  path: string,
  content: Uint8Array | string,
  options: WriteFileOptions = {},
): Promise<void> {
  if (!options.overwrite) await refuseExisting(path);
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  try {
    await using temporary = await takeTemporary(path);
    await writeSynced(temporary.path, bytes);
    if (!options.overwrite) await refuseExisting(path);
    await Deno.rename(temporary.path, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw unwritable(path, error);
    }
    throw hinted(
      new RangeError(`Cannot write ${path}: got a folder that does not exist`),
      "Make the folder first",
    );
  }
}

/**
 * Appends one line and flushes it to the disk.
 *
 * A last line that a crash cut short (no line feed at its end) is dropped
 * first, so that every line of the file stays whole.
 *
 * @param line Text without a line feed.
 * @throws {TypeError} If the line contains a line feed.
 */
export async function appendLine(path: string, line: string): Promise<void> {
  if (line.includes("\n")) {
    throw new TypeError(
      `Cannot append to ${path}: got a line feed in the text, wanted one line`,
    );
  }
  using file = await Deno.open(path, { read: true, write: true, create: true });
  const end = await lastLineEnd(file);
  await file.truncate(end);
  await file.seek(end, Deno.SeekMode.Start);
  await writeAll(file, new TextEncoder().encode(line + "\n"));
  await file.syncData();
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  await writeAll(file, bytes);
  await file.sync();
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}

/** Offset just past the last line feed, 0 where there is none. */
async function lastLineEnd(file: Deno.FsFile): Promise<number> {
  const chunk = new Uint8Array(4096);
  let end = (await file.stat()).size;
  while (end > 0) {
    const start = Math.max(0, end - chunk.length);
    await file.seek(start, Deno.SeekMode.Start);
    const count = await file.read(chunk.subarray(0, end - start)) ?? 0;
    const at = chunk.subarray(0, count).lastIndexOf(10);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}
