/**
 * The header of a safetensors file, believed only after every byte of the file
 * is accounted for.
 *
 * @module
 */

import type { ByteSource } from "./byte_source.ts";
import { findDuplicateKey } from "./duplicate_key.ts";
import {
  isStoredDtype,
  type StoredDtype,
  tensorBytes,
} from "./stored_tensor.ts";

/** The key of the header that is no tensor. */
export const METADATA = "__metadata__";

/** A tensor of the header. */
export interface HeaderEntry {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: number[];
  /** First byte in the file. */
  readonly begin: number;
  /** The byte after its last. */
  readonly end: number;
}

/** What a header says. */
export interface SafetensorsHeader {
  /** The strings under `__metadata__`. */
  readonly metadata: Record<string, string>;
  /** Tensors in the order of their bytes; they cover the rest of the file. */
  readonly entries: readonly HeaderEntry[];
}

/**
 * Reads and checks a header.
 *
 * @throws {SyntaxError} If it is no header.
 * @throws {RangeError} If its sizes lie.
 */
export function readHeader(source: ByteSource): SafetensorsHeader {
  const { name, size } = source;
  const start = 8 + headerLength(source);
  const header = parseHeader(source.read(8, start - 8), name);
  const metadata = parseMetadata(header[METADATA], name);
  const entries = Object.entries(header)
    .filter(([key]) => key !== METADATA)
    .map(([key, info]) => parseEntry(key, info, name))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCover(entries, size - start, name);
  const placed = entries.map((entry) => ({
    ...entry,
    begin: start + entry.begin,
    end: start + entry.end,
  }));
  return { metadata, entries: placed };
}

function headerLength(source: ByteSource): number {
  const { name, size } = source;
  if (size < 8) {
    throw new RangeError(
      `Cannot read ${name}: got ${size} bytes, wanted at least the 8 of a safetensors header length`,
    );
  }
  const view = new DataView(source.read(0, 8).buffer);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(size - 8)) {
    throw new RangeError(
      `Cannot read ${name}: got a header length of ${length} bytes, ` +
        `wanted at most the ${size - 8} that follow it`,
    );
  }
  return Number(length);
}

function parseHeader(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Record<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
    header = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(
      `Cannot read ${name}: got a header that is no JSON, wanted a safetensors header`,
      { cause },
    );
  }
  if (!isRecord(header)) {
    throw new SyntaxError(
      `Cannot read ${name}: got a header of type ${
        kindOf(header)
      }, wanted a JSON object`,
    );
  }
  const twice = findDuplicateKey(text);
  if (twice !== undefined) {
    throw new SyntaxError(
      `Cannot read ${name}: got "${twice}" twice in the header, wanted every key once`,
    );
  }
  return header;
}

function parseMetadata(
  metadata: unknown,
  name: string,
): Record<string, string> {
  if (metadata === undefined) return {};
  const entries = isRecord(metadata) ? Object.entries(metadata) : undefined;
  const strings: [string, string][] = [];
  for (const [key, value] of entries ?? []) {
    if (typeof value === "string") strings.push([key, value]);
  }
  if (strings.length !== entries?.length) {
    throw new SyntaxError(
      `Cannot read ${name}: got ${METADATA} ${
        shortened(metadata)
      }, wanted an object of strings`,
    );
  }
  return Object.fromEntries(strings);
}

function parseEntry(key: string, info: unknown, name: string): HeaderEntry {
  const wrong = (got: unknown, wanted: string) =>
    new SyntaxError(
      `Cannot read ${name}: got ${
        shortened(got)
      } for tensor "${key}", wanted ${wanted}`,
    );
  if (
    !isRecord(info) ||
    Object.keys(info).sort().join() !== "data_offsets,dtype,shape"
  ) {
    throw wrong(info, "an object of dtype, shape and data_offsets");
  }
  const { dtype, shape, data_offsets: offsets } = info;
  if (!isStoredDtype(dtype)) throw wrong(dtype, "a known element type");
  if (!isCounts(shape)) throw wrong(shape, "a shape of whole numbers");
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw wrong(offsets, "data_offsets of two whole numbers");
  }
  const [begin, end] = offsets;
  const wanted = tensorBytes(dtype, shape);
  if (end - begin !== wanted) {
    throw new RangeError(
      `Cannot read ${name}: got ${end - begin} bytes for tensor "${key}", ` +
        `wanted ${wanted ?? "a size that can exist"} for ${dtype} [${shape}]`,
    );
  }
  return { name: key, dtype, shape, begin, end };
}

/** Requires the entries, sorted, to cover 0 to `length` once. */
function checkCover(
  entries: readonly HeaderEntry[],
  length: number,
  name: string,
): void {
  let covered = 0;
  for (const { name: key, begin, end } of entries) {
    if (begin !== covered) {
      throw new RangeError(
        `Cannot read ${name}: got tensor "${key}" at byte ${begin}, ` +
          `wanted it at ${covered}, where the one before it ends`,
      );
    }
    covered = end;
  }
  if (covered !== length) {
    throw new RangeError(
      `Cannot read ${name}: got ${length} bytes of tensor data, ` +
        `wanted the ${covered} that the header lists`,
    );
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) &&
    value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function shortened(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
