/**
 * A file of named tensors whose names and shapes are known and whose numbers are
 * read one tensor at a time.
 *
 * @module
 */

import type { Room } from "./room.ts";
import type { StoredDtype, StoredTensor } from "./stored_tensor.ts";

/** What is known of a tensor before it is read. */
export interface TensorEntry {
  /** Element type. */
  readonly dtype: StoredDtype;
  /** Row-major shape; `[]` is a scalar. */
  readonly shape: readonly number[];
}

/** An opened file; it holds no handle and needs no closing. */
export interface TensorFile {
  /** What the file says of itself; empty where the format has no place. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Every tensor by name, in the file's order. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /**
   * Reads one tensor from the disk.
   *
   * @param room Where to; left out, the tensor has memory of its own.
   * @throws {TypeError} If there is none of that name.
   * @throws {RangeError} If the file is damaged there, or has changed.
   */
  read(name: string, room?: Room): StoredTensor;
}

/** The error of a name that is not in a file. */
export function unknownTensor(name: string, path: string): TypeError {
  return new TypeError(
    `Cannot read ${path}: got the tensor name "${name}", wanted one of those ` +
      `in it`,
  );
}
