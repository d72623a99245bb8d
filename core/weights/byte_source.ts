/**
 * Bytes that are read a range at a time, so that a file of gigabytes never lies
 * in memory whole.
 *
 * @module
 */

import { statSource } from "./read_file.ts";
import { freshRoom, type Room } from "./room.ts";

/** Bytes in random access. */
export interface ByteSource {
  /** What messages call it, such as its path. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /**
   * Reads a range.
   *
   * @param room Where to; left out, the copy starts a buffer of its own.
   * @throws {RangeError} If the range is not within the bytes, before anything
   * is allocated; or the file has changed since it was opened.
   */
  read(offset: number, length: number, room?: Room): Uint8Array<ArrayBuffer>;
  /** Fills bytes that are there already with a range; throws as `read` does. */
  readInto(offset: number, target: Uint8Array): void;
}

/** Bytes in memory as a source. */
export function memorySource(bytes: Uint8Array, name: string): ByteSource {
  return sourceOf(name, bytes.length, (offset, target) => {
    target.set(bytes.subarray(offset, offset + target.length));
  });
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
  return sourceOf(path, size, (offset, target) => {
    using file = Deno.openSync(path);
    const now = file.statSync();
    if (now.size !== size || now.mtime?.getTime() !== mtime?.getTime()) {
      throw new RangeError(
        `Cannot read ${path}: got a file that has changed since it was ` +
          `opened, wanted it to stay as it was`,
      );
    }
    file.seekSync(offset, Deno.SeekMode.Start);
    let done = 0;
    while (done < target.length) {
      const count = file.readSync(target.subarray(done));
      if (!count) {
        throw new RangeError(
          `Cannot read ${path}: got its end at byte ${offset + done}, ` +
            `wanted ${target.length - done} more`,
        );
      }
      done += count;
    }
  });
}

function sourceOf(
  name: string,
  size: number,
  fill: (offset: number, target: Uint8Array) => void,
): ByteSource {
  const check = (offset: number, length: number): void => {
    if (offset >= 0 && length >= 0 && offset + length <= size) return;
    throw new RangeError(
      `Cannot read ${name}: got bytes ${offset} to ${offset + length}, ` +
        `wanted a range within its ${size}`,
    );
  };
  return {
    name,
    size,
    read(offset, length, room = freshRoom) {
      check(offset, length);
      const bytes = room.bytes(length);
      fill(offset, bytes);
      return bytes;
    },
    readInto(offset, target) {
      check(offset, target.length);
      fill(offset, target);
    },
  };
}
