import type { EngineLimits, Memory } from "./engine.ts";

/**
 * Checks the size of a memory before it is made.
 *
 * @throws {RangeError} If it is not a whole number from 1 to the limit.
 */
export function checkSize(
  bytes: number,
  label: string,
  { memoryBytes }: EngineLimits,
): void {
  if (!Number.isInteger(bytes) || bytes <= 0) {
    throw new RangeError(
      `Cannot allocate ${label}: got ${bytes} bytes, wanted 1 or more`,
    );
  }
  if (bytes > memoryBytes) {
    throw new RangeError(
      `Cannot allocate ${label}: got ${bytes} bytes, wanted at most ` +
        `${memoryBytes}`,
    );
  }
}

/**
 * Checks what is to be read or written.
 *
 * @throws {TypeError} If the memory is closed.
 * @throws {RangeError} If the range is not inside it or not of whole words.
 */
export function checkAccess(
  memory: Pick<Memory, "label" | "bytes"> & { readonly closed: boolean },
  verb: "read" | "write",
  offset: number,
  bytes: number,
): void {
  if (memory.closed) {
    throw new TypeError(`Cannot ${verb} ${memory.label}: it is closed`);
  }
  const whole = offset % 4 === 0 && bytes % 4 === 0;
  if (!whole || offset < 0 || bytes < 0 || offset + bytes > memory.bytes) {
    throw new RangeError(
      `Cannot ${verb} ${memory.label}: got bytes ${offset} to ` +
        `${offset + bytes}, wanted multiples of 4 within 0 to ${memory.bytes}`,
    );
  }
}
