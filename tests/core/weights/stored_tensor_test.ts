import assert from "node:assert/strict";
import {
  fromFloat32,
  type StoredDtype,
  toFloat32,
  toInt32,
} from "../../../core/weights/stored_tensor.ts";

/** The value of 16 bits as IEEE 754 binary16, from its definition. */
function halfValue(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function halfBits(value: number): number {
  const { data } = fromFloat32(new Float32Array([value]), [1], "F16");
  return data[0] | (data[1] << 8);
}

Deno.test("toFloat32() decodes every F16", () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const values = toFloat32({
    dtype: "F16",
    shape: [65536],
    data: new Uint8Array(bits.buffer),
  });
  for (let i = 0; i < 65536; i++) assert(Object.is(values[i], halfValue(i)));
});

Deno.test("fromFloat32() rounds to the nearest F16, ties to even", () => {
  for (let bits = 0; bits < 31 << 10; bits++) {
    const here = halfValue(bits);
    const next = bits === (31 << 10) - 1 ? 65536 : halfValue(bits + 1);
    assert.equal(halfBits(here), bits);
    assert.equal(halfBits(-here), bits | 0x8000);
    const tie = (here + next) / 2;
    assert.equal(halfBits(tie), bits + (bits & 1));
    const step = tie * 2 ** -23;
    assert.equal(halfBits(tie - step), bits);
    assert.equal(halfBits(tie + step), bits + 1);
  }
  assert.equal(halfBits(Infinity), 31 << 10);
  assert.equal(halfBits(1e30), 31 << 10);
  assert.equal(halfBits(1e-30), 0);
  assert(Number.isNaN(halfValue(halfBits(NaN))));
});

Deno.test("fromFloat32() copies F32 and rejects a shape that does not fit", () => {
  const values = new Float32Array([1, 2]);
  const tensor = fromFloat32(values, [2, 1]);
  values[0] = 9;
  assert.deepEqual([...toFloat32(tensor)], [1, 2]);
  assert.throws(() => fromFloat32(values, [3]), {
    name: "TypeError",
    message: "Cannot store values: got 2 values, wanted shape [3]",
  });
});

Deno.test("toFloat32() reads BF16 and F64 and refuses integers", () => {
  const bf16 = new Uint8Array([0x80, 0x3f, 0x80, 0xff, 0x49, 0x40]);
  assert.deepEqual(
    [...toFloat32({ dtype: "BF16", shape: [3], data: bf16 })],
    [1, -Infinity, 3.140625],
  );
  const f64 = new Uint8Array(new Float64Array([0.1]).buffer);
  assert.deepEqual(
    [...toFloat32({ dtype: "F64", shape: [], data: f64 })],
    [Math.fround(0.1)],
  );
  assert.throws(
    () => toFloat32({ dtype: "U8", shape: [1], data: new Uint8Array(1) }),
    { name: "TypeError", message: /got U8, wanted F32/ },
  );
});

const integers: [StoredDtype, Uint8Array<ArrayBuffer>][] = [
  ["I8", new Uint8Array(new Int8Array([-1, 5]).buffer)],
  ["I16", new Uint8Array(new Int16Array([-1, 5]).buffer)],
  ["I32", new Uint8Array(new Int32Array([-1, 5]).buffer)],
  ["I64", new Uint8Array(new BigInt64Array([-1n, 5n]).buffer)],
];
for (const [dtype, data] of integers) {
  Deno.test(`toInt32() reads ${dtype} with its sign`, () => {
    assert.deepEqual([...toInt32({ dtype, shape: [2], data })], [-1, 5]);
  });
}

Deno.test("toInt32() reads unsigned types and refuses what does not fit", () => {
  const u32 = (value: number) =>
    new Uint8Array(new Uint32Array([value]).buffer);
  const read = (value: number) =>
    toInt32({ dtype: "U32", shape: [1], data: u32(value) })[0];
  assert.equal(read(2 ** 31 - 1), 2 ** 31 - 1);
  assert.throws(() => read(2 ** 31), {
    name: "RangeError",
    message: /got 2147483648 at 0/,
  });
  const u16 = new Uint8Array([255, 255]);
  assert.equal(toInt32({ dtype: "U16", shape: [], data: u16 })[0], 65535);
  assert.throws(
    () => toInt32({ dtype: "F32", shape: [], data: new Uint8Array(4) }),
    { name: "TypeError", message: /got F32, wanted an integer type/ },
  );
});

Deno.test("toFloat32() reads bytes that lie unaligned", () => {
  const data = new Uint8Array(5);
  new DataView(data.buffer).setFloat32(1, 2.5, true);
  const tensor = { dtype: "F32" as const, shape: [1], data: data.subarray(1) };
  assert.deepEqual([...toFloat32(tensor)], [2.5]);
});
