/**
 * Which files a zip archive holds, and where their bytes are.
 *
 * The directory is read by zip.js, strictly: an archive that two programs could
 * read differently is refused.
 *
 * @module
 */

import type { ByteSource } from "./byte_source.ts";

/** A file in an archive. */
export interface ZipEntry {
  readonly name: string;
  /** First byte of its own header in the archive. */
  readonly offset: number;
  /** First byte of its content in the archive. */
  readonly start: number;
  /** Bytes in the archive. */
  readonly packed: number;
  /** Bytes that it unpacks to, as the directory says. */
  readonly size: number;
  readonly deflated: boolean;
  /** CRC-32 of the unpacked bytes. */
  readonly crc: number;
}

/**
 * What an archive may unpack to, as a multiple of its size. Weights barely
 * compress; a head of zeros does, but it is not most of a file.
 */
const LARGEST_RATIO = 16;

/** An archive may unpack to this much whatever its size. */
const ALWAYS_ALLOWED = 1 << 20;

/** Bytes of the header in front of each file's content, names left out. */
const LOCAL_HEADER = 30;

const [STORED, DEFLATED] = [0, 8];

/**
 * Lists the files of an archive.
 *
 * @throws {RangeError} If it is damaged, encrypted or a bomb: files that
 * overlap, lie past its end or would unpack to far more than it.
 */
export async function readZipDirectory(
  source: ByteSource,
): Promise<ZipEntry[]> {
  const listed = await list(source);
  const total = listed.reduce((sum, entry) => sum + entry.uncompressedSize, 0);
  if (!(total <= Math.max(ALWAYS_ALLOWED, LARGEST_RATIO * source.size))) {
    throw new RangeError(
      `Cannot read ${source.name}: got ${source.size} bytes that would unpack ` +
        `to ${total}, wanted at most ${LARGEST_RATIO} times as many`,
    );
  }
  const entries = listed.map((entry) => place(source, entry))
    .sort((a, b) => a.offset - b.offset);
  let covered = 0;
  for (const { name, offset, start, packed } of entries) {
    if (offset < covered || start + packed > source.size) {
      throw new RangeError(
        `Cannot read ${source.name}: got "${name}" at bytes ${offset} to ` +
          `${start + packed}, wanted it within the file and apart from others`,
      );
    }
    covered = start + packed;
  }
  return entries;
}

/** What zip.js says of an entry, as far as it is used here. */
interface Listed {
  readonly filename: string;
  readonly rawFilename: Uint8Array;
  readonly offset: number;
  readonly compressedSize: number;
  readonly uncompressedSize: number;
  readonly compressionMethod: number;
  readonly signature?: number;
  readonly encrypted: boolean;
  readonly directory: boolean;
}

async function list(source: ByteSource): Promise<Listed[]> {
  // Loading it takes a while, and few commands read such files.
  const { Reader, ZipReader } = await import("@zip.js/zip.js/core");
  const reader = new Reader(undefined);
  reader.size = source.size;
  reader.readUint8Array = (offset, length) => {
    const from = Math.min(Math.max(0, offset), source.size);
    const count = Math.min(Math.max(0, length), source.size - from);
    return Promise.resolve(source.read(from, count));
  };
  const archive = new ZipReader(reader, {
    strictness: "strict",
    useWebWorkers: false,
  });
  try {
    const found = await archive.getEntries();
    return found.map((entry) => entry as unknown as Listed);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : `${cause}`;
    throw new RangeError(
      `Cannot read ${source.name}: got a damaged archive ` +
        `(${reason.toLowerCase()}), wanted a zip file that every program ` +
        "reads alike",
      { cause },
    );
  }
}

function place(source: ByteSource, entry: Listed): ZipEntry {
  const { filename: name, offset, signature } = entry;
  const [packed, size] = [entry.compressedSize, entry.uncompressedSize];
  const method = entry.compressionMethod;
  const wrong = (got: string, wanted: string) =>
    new RangeError(
      `Cannot read ${source.name}: got "${name}" ${got}, wanted ${wanted}`,
    );
  if (entry.encrypted || entry.directory) {
    throw wrong(
      entry.encrypted ? "encrypted" : "as a folder",
      "plain files only",
    );
  }
  if (method !== STORED && method !== DEFLATED) {
    throw wrong(`packed by method ${method}`, "stored or deflated");
  }
  if (signature === undefined || (method === STORED && packed !== size)) {
    throw wrong(
      `of ${packed} bytes that unpack to ${size}`,
      "sizes that agree, and a checksum",
    );
  }
  if (!(offset >= 0) || offset + LOCAL_HEADER > source.size) {
    throw wrong(`at byte ${offset}`, `a place within ${source.size} bytes`);
  }
  const header = new DataView(source.read(offset, LOCAL_HEADER).buffer);
  const nameBytes = header.getUint16(26, true);
  const start = offset + LOCAL_HEADER + nameBytes + header.getUint16(28, true);
  const agrees = header.getUint32(0, true) === 0x04034b50 &&
    header.getUint16(8, true) === method &&
    nameBytes === entry.rawFilename.length;
  if (!agrees) {
    throw wrong("whose own header differs", "what the directory says");
  }
  return {
    name,
    offset,
    start,
    packed,
    size,
    deflated: method === DEFLATED,
    crc: signature >>> 0,
  };
}
