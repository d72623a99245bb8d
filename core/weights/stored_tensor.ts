/**
 * A tensor as a file keeps it: raw little-endian bytes, an element type and a
 * shape; and the way between those bytes and typed arrays.
 *
 * @module
 */

import { freshRoom, type Room } from "./room.ts";

/** Element type of a stored tensor, named as in the safetensors format. */
export type StoredDtype =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "I32"
  | "I16"
  | "I8"
  | "U64"
  | "U32"
  | "U16"
  | "U8"
  | "BOOL";

/** Bytes of one element of every type that is read and written. */
const ELEMENT_BYTES: Readonly<Record<StoredDtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

/** A tensor as it lies in a file. */
export interface StoredTensor {
  /** Element type. */
  dtype: StoredDtype;
  /** Row-major shape; `[]` is a scalar. */
  shape: number[];
  /** Exactly shape × dtype bytes, little endian, at an offset that is a
   * multiple of 8, so that every typed view of it is allowed. */
  data: Uint8Array<ArrayBuffer>;
}

/** Whether a word names a {@linkcode StoredDtype}. */
export function isStoredDtype(word: unknown): word is StoredDtype {
  return typeof word === "string" && Object.hasOwn(ELEMENT_BYTES, word);
}

/** Bytes of one element of the type. */
export function elementBytes(dtype: StoredDtype): number {
  return ELEMENT_BYTES[dtype];
}

/**
 * Counts the bytes of a tensor.
 *
 * @returns Number of bytes, or `undefined` where it is no safe integer or a
 * dimension is not a non-negative safe integer.
 */
export function tensorBytes(
  dtype: StoredDtype,
  shape: readonly number[],
): number | undefined {
  let bytes = ELEMENT_BYTES[dtype];
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) return undefined;
    bytes *= dimension;
    if (!Number.isSafeInteger(bytes)) return undefined;
  }
  return bytes;
}

/** Bytes that start at a multiple of 8: the given ones, or a copy of them. */
export function alignedBytes(
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
}

/**
 * Reads a floating-point tensor as f32.
 *
 * @param tensor F32, F16, BF16 or F64; F64 is rounded to the nearest f32.
 * @param room Where converted numbers go; left out, to an array of their own.
 * @returns One number an element, row-major. An F32 tensor is not copied: the
 * array shares its memory.
 * @throws {TypeError} If the tensor holds integers, or a wrong number of bytes.
 */
export function toFloat32(
  tensor: StoredTensor,
  room: Room = freshRoom,
): Float32Array<ArrayBuffer> {
  const { dtype } = tensor;
  const data = checkedBytes(tensor);
  const elements = data.byteLength / ELEMENT_BYTES[dtype];
  const at = [data.buffer, data.byteOffset, elements] as const;
  const copied = (values: ArrayLike<number>): Float32Array<ArrayBuffer> => {
    const result = room.floats(elements);
    result.set(values);
    return result;
  };
  switch (dtype) {
    case "F32":
      return new Float32Array(...at);
    case "F64":
      return copied(new Float64Array(...at));
    case "F16":
      return copied(new Float16Array(...at));
    case "BF16": {
      const upper = new Uint16Array(...at);
      const result = room.floats(elements);
      const bits = new Uint32Array(result.buffer, result.byteOffset, elements);
      for (let i = 0; i < elements; i++) bits[i] = upper[i] << 16;
      return result;
    }
    default:
      throw new TypeError(
        `Cannot read a tensor as f32: got ${dtype}, wanted F32, F16, BF16 or F64`,
      );
  }
}

/**
 * Reads an integer tensor as i32.
 *
 * @param tensor Any integer type, or BOOL.
 * @returns One number an element, row-major. An I32 tensor is not copied: the
 * array shares its memory.
 * @throws {TypeError} If the tensor holds no integers, or a wrong number of
 * bytes.
 * @throws {RangeError} If a value does not fit into i32.
 */
export function toInt32(tensor: StoredTensor): Int32Array<ArrayBuffer> {
  const data = checkedBytes(tensor);
  const elements = data.byteLength / ELEMENT_BYTES[tensor.dtype];
  const at = [data.buffer, data.byteOffset, elements] as const;
  switch (tensor.dtype) {
    case "I32":
      return new Int32Array(...at);
    case "I16":
      return new Int32Array(new Int16Array(...at));
    case "I8":
      return new Int32Array(new Int8Array(...at));
    case "U16":
      return new Int32Array(new Uint16Array(...at));
    case "U8":
    case "BOOL":
      return new Int32Array(new Uint8Array(...at));
    case "U32":
      return narrowed(new Uint32Array(...at));
    case "I64":
      return narrowed(new BigInt64Array(...at));
    case "U64":
      return narrowed(new BigUint64Array(...at));
    default:
      throw new TypeError(
        `Cannot read a tensor as i32: got ${tensor.dtype}, wanted an integer type`,
      );
  }
}

/**
 * Stores f32 values.
 *
 * @param values One number an element, row-major.
 * @param shape Shape of the tensor.
 * @param dtype `F32` (the bytes are copied) or `F16` (rounded to nearest,
 * ties to even; past 65,519.99 it becomes infinity).
 * @throws {TypeError} If the shape does not hold that many values.
 */
export function fromFloat32(
  values: Float32Array,
  shape: number[],
  dtype: "F32" | "F16" = "F32",
): StoredTensor {
  if (tensorBytes("U8", shape) !== values.length) {
    throw new TypeError(
      `Cannot store values: got ${values.length} values, wanted shape [${shape}]`,
    );
  }
  const typed = dtype === "F16"
    ? new Float16Array(values)
    : new Float32Array(values);
  return { dtype, shape: [...shape], data: new Uint8Array(typed.buffer) };
}

function checkedBytes(tensor: StoredTensor): Uint8Array<ArrayBuffer> {
  const wanted = tensorBytes(tensor.dtype, tensor.shape);
  if (tensor.data.byteLength !== wanted) {
    throw new TypeError(
      `Cannot read a tensor: got ${tensor.data.byteLength} bytes, ` +
        `wanted ${wanted} for ${tensor.dtype} [${tensor.shape}]`,
    );
  }
  return alignedBytes(tensor.data);
}

function narrowed(
  values: Uint32Array | BigInt64Array | BigUint64Array,
): Int32Array<ArrayBuffer> {
  const result = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    result[i] = Number(values[i]);
    if (BigInt(values[i]) !== BigInt(result[i])) {
      throw new RangeError(
        `Cannot read a tensor as i32: got ${values[i]} at ${i}, ` +
          "wanted a value from -2147483648 to 2147483647",
      );
    }
  }
  return result;
}
