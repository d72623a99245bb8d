/**
 * The safetensors file format: 8 bytes of header length, a JSON header, then
 * the tensors' bytes end to end.
 *
 * A file is believed only after every byte of it is accounted for. Source:
 * https://github.com/huggingface/safetensors, "Format".
 *
 * @module
 */
import { findDuplicateKey } from "./duplicate_key.ts";
import { readFile } from "./read_file.ts";
import {
  alignedBytes,
  elementBytes,
  isStoredDtype,
  type StoredDtype,
  type StoredTensor,
  tensorBytes,
} from "./stored_tensor.ts";
import { writeFile, type WriteFileOptions } from "./write_file.ts";

export {
  fromFloat32,
  type StoredDtype,
  type StoredTensor,
  toFloat32,
  toInt32,
} from "./stored_tensor.ts";

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** The header's `__metadata__`. */
  metadata: Record<string, string>;
  /** Tensors by name, in the order of their bytes in the file. */
  tensors: Map<string, StoredTensor>;
}

interface Entry {
  name: string;
  dtype: StoredDtype;
  shape: number[];
  begin: number;
  end: number;
}

const METADATA = "__metadata__";

/**
 * Parses a safetensors file.
 *
 * @param bytes The whole file. Tensors share its memory where alignment
 * allows.
 * @param name What messages call the file.
 * @throws {SyntaxError} If the header is no header: not UTF-8, not JSON, a key
 * twice, an unknown element type, a field of the wrong type.
 * @throws {RangeError} If sizes lie: a header or tensor past the end, bytes
 * that differ from shape × element, overlaps, holes, trailing bytes.
 */
export function parseSafetensors(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): SafetensorsFile {
  const start = 8 + headerLength(bytes, name);
  const header = parseHeader(bytes.subarray(8, start), name);
  const metadata = parseMetadata(header[METADATA], name);
  const entries = Object.entries(header)
    .filter(([key]) => key !== METADATA)
    .map(([key, info]) => parseEntry(key, info, name))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCover(entries, bytes.length - start, name);
  const tensors = new Map<string, StoredTensor>();
  for (const { name: key, dtype, shape, begin, end } of entries) {
    const data = alignedBytes(bytes.subarray(start + begin, start + end));
    tensors.set(key, { dtype, shape, data });
  }
  return { metadata, tensors };
}

/**
 * Reads a safetensors file; see {@linkcode parseSafetensors} for what is
 * checked and thrown.
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  return parseSafetensors(await readFile(path), path);
}

/**
 * Encodes a safetensors file.
 *
 * Tensors are laid out by element size, largest first, then by name, as the
 * format's own writer does: every tensor is then aligned in the file, and equal
 * content gives equal bytes.
 *
 * @throws {TypeError} If a tensor's bytes differ from its shape, or a tensor is
 * called `__metadata__`.
 */
export function encodeSafetensors(
  file: SafetensorsFile,
): Uint8Array<ArrayBuffer> {
  const tensors = [...file.tensors].sort(([nameA, a], [nameB, b]) =>
    elementBytes(b.dtype) - elementBytes(a.dtype) || (nameA < nameB ? -1 : 1)
  );
  const header: [string, unknown][] = Object.keys(file.metadata).length > 0
    ? [[METADATA, sortedByKey(file.metadata)]]
    : [];
  let end = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    const wanted = tensorBytes(dtype, shape);
    if (name === METADATA || data.byteLength !== wanted) {
      throw new TypeError(
        `Cannot encode tensor "${name}": got ${data.byteLength} bytes, ` +
          `wanted ${wanted} for ${dtype} [${shape}] and a name other than ${METADATA}`,
      );
    }
    const begin = end;
    end += wanted;
    header.push([name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  const text = new TextEncoder().encode(
    JSON.stringify(Object.fromEntries(header)),
  );
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(start + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(text, 8);
  bytes.fill(0x20, 8 + text.length, start);
  let at = start;
  for (const [, { data }] of tensors) {
    bytes.set(data, at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * Writes a safetensors file whole or not at all; see
 * {@linkcode encodeSafetensors} and `writeFile` for what is thrown.
 */
export async function writeSafetensors(
  path: string,
  file: SafetensorsFile,
  options: WriteFileOptions = {},
): Promise<void> {
  await writeFile(path, encodeSafetensors(file), options);
}

function headerLength(bytes: Uint8Array<ArrayBuffer>, name: string): number {
  if (bytes.length < 8) {
    throw new RangeError(
      `Cannot read ${name}: got ${bytes.length} bytes, wanted at least the 8 of a safetensors header length`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(bytes.length - 8)) {
    throw new RangeError(
      `Cannot read ${name}: got a header length of ${length} bytes, ` +
        `wanted at most the ${bytes.length - 8} that follow it`,
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

function parseEntry(key: string, info: unknown, name: string): Entry {
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
function checkCover(entries: Entry[], length: number, name: string): void {
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

function sortedByKey(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).sort(([a], [b]) => a < b ? -1 : 1),
  );
}
