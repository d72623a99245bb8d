/**
 * The MNIST family's idx file format: 0, 0, element type, number of dimensions,
 * the dimensions as big-endian u32, the elements.
 *
 * Source: http://yann.lecun.com/exdb/mnist, "The IDX file format".
 *
 * @module
 */
import { readFile } from "../weights/read_file.ts";

/** An array of bytes, as an idx file holds it. */
export interface IdxArray {
  /** Row-major shape. */
  shape: number[];
  /** One byte an element. */
  data: Uint8Array;
}

const UNSIGNED_BYTE = 8;

/**
 * Reads an idx file of unsigned bytes, gzipped or not.
 *
 * A gzipped file is unpacked no further than its own header says.
 *
 * @param dimensions How many dimensions it shall have.
 * @throws {SyntaxError} If it is no such file.
 * @throws {RangeError} If it holds more or fewer bytes than its header says.
 */
export async function readIdx(
  path: string,
  dimensions: number,
): Promise<IdxArray> {
  const file = await readFile(path);
  const zipped = file[0] === 0x1f && file[1] === 0x8b;
  const headerLength = 4 + 4 * dimensions;
  const header = zipped
    ? await unzip(file, headerLength, path)
    : file.subarray(0, headerLength);
  const shape = parseHeader(header, dimensions, path);
  const length = shape.reduce((product, side) => product * side, 1);
  if (!Number.isSafeInteger(headerLength + length)) {
    throw new RangeError(
      `Cannot read ${path}: got shape [${shape}], wanted one that can exist`,
    );
  }
  const bytes = zipped
    ? await unzip(file, headerLength + length + 1, path)
    : file;
  if (bytes.length !== headerLength + length) {
    const more = bytes.length > headerLength + length;
    throw new RangeError(
      `Cannot read ${path}: got ${more ? "more" : "fewer"} bytes than ` +
        `its shape [${shape}] has, wanted ${length}`,
    );
  }
  return { shape, data: bytes.subarray(headerLength) };
}

function parseHeader(
  header: Uint8Array,
  dimensions: number,
  path: string,
): number[] {
  const start = [...header.subarray(0, 4)];
  if (
    header.length !== 4 + 4 * dimensions ||
    start.join() !== `0,0,${UNSIGNED_BYTE},${dimensions}`
  ) {
    throw new SyntaxError(
      `Cannot read ${path}: got a file that starts with ${
        start.join(" ") || "nothing"
      }, wanted an idx header of 0 0 ${UNSIGNED_BYTE} ${dimensions}`,
    );
  }
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  return Array.from(
    { length: dimensions },
    (_, i) => view.getUint32(4 + 4 * i),
  );
}

/** Unpacks gzip, up to `limit` bytes. */
async function unzip(
  file: Uint8Array<ArrayBuffer>,
  limit: number,
  path: string,
): Promise<Uint8Array> {
  const stream = new Blob([file]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= limit) break;
    }
  } catch (cause) {
    throw new SyntaxError(
      `Cannot read ${path}: got bytes that do not unpack, wanted a whole gzip file`,
      { cause },
    );
  }
  const bytes = new Uint8Array(Math.min(length, limit));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk.subarray(0, bytes.length - at), at);
    at += Math.min(chunk.length, bytes.length - at);
  }
  return bytes;
}
