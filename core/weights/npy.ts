/**
 * NumPy's array file: a header in Python's notation, then the numbers.
 *
 * Source: numpy/lib/format.py, versions 1.0 to 3.0.
 *
 * @module
 */

import {
  elementBytes,
  type StoredDtype,
  type StoredTensor,
  tensorBytes,
} from "./stored_tensor.ts";

/** What the header of an array says. */
export interface NpyHeader {
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** The first axis varies fastest, not the last. */
  readonly fortran: boolean;
  readonly bigEndian: boolean;
  /** Where the numbers start. */
  readonly start: number;
}

/** Bytes with which the length of any header is known. */
export const NPY_PREFIX = 12;

/** Types by NumPy's letter and size; `V2` is how it saves bfloat16. */
const DTYPES: ReadonlyMap<string, StoredDtype> = new Map([
  ["f2", "F16"],
  ["f4", "F32"],
  ["f8", "F64"],
  ["V2", "BF16"],
  ["i1", "I8"],
  ["i2", "I16"],
  ["i4", "I32"],
  ["i8", "I64"],
  ["u1", "U8"],
  ["u2", "U16"],
  ["u4", "U32"],
  ["u8", "U64"],
  ["b1", "BOOL"],
]);

/** Headers of more are not written by NumPy: it warns at 10,000. */
const LARGEST_HEADER = 1 << 16;

/**
 * Where the numbers of an array start.
 *
 * @param bytes Its first {@linkcode NPY_PREFIX} bytes or more.
 * @param name What messages call it.
 * @throws {SyntaxError} If it is no array file.
 */
export function npyStart(bytes: Uint8Array, name: string): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const magic = String.fromCharCode(...bytes.subarray(0, 6));
  if (bytes.length < NPY_PREFIX || magic !== "\x93NUMPY") {
    throw new SyntaxError(
      `Cannot read ${name}: got no array, wanted NumPy's npy format`,
    );
  }
  const version = bytes[6];
  const length = version === 1
    ? 10 + view.getUint16(8, true)
    : 12 + view.getUint32(8, true);
  if (version < 1 || version > 3 || bytes[7] !== 0 || length > LARGEST_HEADER) {
    throw new SyntaxError(
      `Cannot read ${name}: got version ${version}.${bytes[7]} and a header ` +
        `of ${length} bytes, wanted version 1.0 to 3.0 and at most ` +
        `${LARGEST_HEADER}`,
    );
  }
  return length;
}

/**
 * Parses the header of an array.
 *
 * @param bytes The file from its start to its numbers, or further.
 * @param name What messages call it.
 * @throws {SyntaxError} If it is no array, or one of Python objects.
 */
export function parseNpyHeader(bytes: Uint8Array, name: string): NpyHeader {
  const start = npyStart(bytes, name);
  const text = new TextDecoder("latin1")
    .decode(bytes.subarray(bytes[6] === 1 ? 10 : 12, start));
  const wrong = (got: string, wanted: string) =>
    new SyntaxError(`Cannot read ${name}: got ${got}, wanted ${wanted}`);
  const fields = fieldsOf(text);
  if (!fields || bytes.length < start) {
    throw wrong(
      `the header ${JSON.stringify(text.slice(0, 80))}`,
      "descr, fortran_order and shape",
    );
  }
  const [order, letter] = [fields.descr[0], fields.descr.slice(1)];
  if (letter.startsWith("O")) {
    throw wrong(
      "Python objects, which may run any program",
      "an array of numbers",
    );
  }
  const dtype = DTYPES.get(letter);
  if (!dtype || !"<>|=".includes(order)) {
    throw wrong(`numbers of type "${fields.descr}"`, "a known type");
  }
  return {
    dtype,
    shape: fields.shape,
    fortran: fields.fortran,
    bigEndian: order === ">",
    start,
  };
}

/** The three fields of a header, which NumPy writes in this order. */
const HEADER = new RegExp(
  "^\\s*\\{\\s*'descr'\\s*:\\s*'([^']*)'\\s*," +
    "\\s*'fortran_order'\\s*:\\s*(True|False)\\s*," +
    "\\s*'shape'\\s*:\\s*\\(([0-9, ]*)\\)\\s*,?\\s*\\}\\s*$",
);

function fieldsOf(
  text: string,
): { descr: string; fortran: boolean; shape: number[] } | undefined {
  const [, descr, order, sizes] = HEADER.exec(text) ?? [];
  if (descr === undefined) return undefined;
  const shape = sizes.split(",").map((word) => word.trim());
  // A tuple of one ends with a comma, and so may any.
  if (shape.at(-1) === "") shape.pop();
  if (!shape.every((word) => /^\d{1,15}$/.test(word))) return undefined;
  return { descr, fortran: order === "True", shape: shape.map(Number) };
}

/** Bytes of the numbers, or `undefined` where no such array can exist. */
export function npyBytes({ dtype, shape }: NpyHeader): number | undefined {
  return tensorBytes(dtype, shape);
}

/**
 * Brings numbers into little-endian row-major order.
 *
 * @param data All numbers of the array; may be changed and kept.
 */
export function npyTensor(
  header: NpyHeader,
  data: Uint8Array<ArrayBuffer>,
): StoredTensor {
  const { dtype, shape } = header;
  const size = elementBytes(dtype);
  const bytes = data.byteOffset % 8 === 0 ? data : data.slice();
  if (header.bigEndian && size > 1) swapBytes(bytes, size);
  const rows = header.fortran && shape.length > 1
    ? rowMajor(bytes, size, shape)
    : bytes;
  return { dtype, shape: [...shape], data: rows };
}

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) {
    bytes.subarray(at, at + size).reverse();
  }
}

/** Reorders elements whose first axis varies fastest. */
function rowMajor(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
  shape: readonly number[],
): Uint8Array<ArrayBuffer> {
  const strides = shape.map((_, axis) =>
    shape.slice(axis + 1).reduce((product, n) => product * n, 1)
  );
  const index = shape.map(() => 0);
  const result = new Uint8Array(bytes.length);
  for (let from = 0, to = 0; from < bytes.length; from += size) {
    for (let i = 0; i < size; i++) result[to * size + i] = bytes[from + i];
    for (let axis = 0; axis < shape.length; axis++) {
      to += strides[axis];
      if (++index[axis] < shape[axis]) break;
      to -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}
