/**
 * Bytes that are read a range at a time, so that a file of gigabytes never lies
 * in memory whole.
 *
 * @module
 */

import { statSource } from "./read_file.ts";

/** Bytes in random access. */
export interface ByteSource {
  /** What messages call it, such as its path. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /**
   * Reads a range.
   *
   * @returns A copy that starts its own buffer.
   * @throws {RangeError} If the range is not within the bytes, before anything
   * is allocated; or the file has changed since it was opened.
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

/** Bytes in memory as a source. */
export function memorySource(bytes: Uint8Array, name: string): ByteSource {
  const source: ByteSource = {
    name,
    size: bytes.length,
    read(offset, length) {
      checkRange(source, offset, length);
      return Uint8Array.from(bytes.subarray(offset, offset + length));
    },
  };
  return source;
}

/**
 * A file as a source. Every read opens it anew, so there is nothing to close.
 *
 * @throws {RangeError} If there is no file.
 */
export async function fileSource(path: string): Promise<ByteSource> {
  const { isFile, size, mtime } = await statSource(path);
  if (!isFile) {
    throw new RangeError(`Cannot read ${path}: got a folder, wanted a file`);
  }
  const source: ByteSource = {
    name: path,
    size,
    read(offset, length) {
      checkRange(source, offset, length);
      using file = Deno.openSync(path);
      const now = file.statSync();
      if (now.size !== size || now.mtime?.getTime() !== mtime?.getTime()) {
        throw new RangeError(
          `Cannot read ${path}: got a file that has changed since it was ` +
            `opened, wanted it to stay as it was`,
        );
      }
      file.seekSync(offset, Deno.SeekMode.Start);
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const count = file.readSync(bytes.subarray(done));
        if (!count) {
          throw new RangeError(
            `Cannot read ${path}: got its end at byte ${offset + done}, ` +
              `wanted ${length - done} more`,
          );
        }
        done += count;
      }
      return bytes;
    },
  };
  return source;
}

function checkRange(
  { name, size }: ByteSource,
  offset: number,
  length: number,
): void {
  if (offset >= 0 && length >= 0 && offset + length <= size) return;
  throw new RangeError(
    `Cannot read ${name}: got bytes ${offset} to ${offset + length}, wanted ` +
      `a range within its ${size}`,
  );
}
