import assert from "node:assert/strict";
import { memorySource } from "../../../core/weights/byte_source.ts";
import { openNpz } from "../../../core/weights/npz.ts";
import { toFloat32, toInt32 } from "../../../core/weights/stored_tensor.ts";
import { npy, zip, type ZipFile } from "../../support/zip.ts";

const open = (bytes: Uint8Array<ArrayBuffer>) =>
  openNpz(memorySource(bytes, "x.npz"));

function bytesOf(values: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer as ArrayBuffer);
}

const three = bytesOf(new Float32Array([1.5, -2, 8]));
const vector = npy("'<f4'", "(3,)", three);

Deno.test("openNpz() reads stored, deflated and Zip64 files alike", async () => {
  for (const how of [{}, { deflate: true }, { zip64: true }]) {
    const file = await open(zip([
      { name: "a/b.npy", content: vector, ...how },
      { name: "c.npy", content: npy("'<f4'", "()", three.slice(4, 8)), ...how },
    ]));
    assert.deepEqual([...file.entries.keys()], ["a/b", "c"]);
    assert.deepEqual(file.entries.get("a/b")?.shape, [3]);
    assert.deepEqual([...toFloat32(file.read("a/b"))], [1.5, -2, 8]);
    assert.deepEqual([...toFloat32(file.read("c"))], [-2]);
    assert.throws(() => file.read("b"), {
      name: "TypeError",
      message: 'Cannot read x.npz: got the tensor name "b", wanted one of ' +
        "those in it",
    });
  }
});

/** Reads the one array of an archive. */
async function readOne(content: Uint8Array) {
  const file = await open(zip([{ name: "a.npy", content }]));
  return file.read("a");
}

Deno.test("openNpz() brings axes and bytes into the usual order", async () => {
  const columns = bytesOf(new Int32Array([1, 4, 2, 5, 3, 6]));
  const turned = await readOne(
    npy("'<i4'", "(2, 3)", columns, { fortran: "True" }),
  );
  assert.deepEqual([...toInt32(turned)], [1, 2, 3, 4, 5, 6]);
  const cube = Int32Array.from({ length: 24 }, (_, i) => {
    const [a, b, c] = [i % 2, Math.floor(i / 2) % 3, Math.floor(i / 6)];
    return a * 12 + b * 4 + c;
  });
  const deep = await readOne(
    npy("'<i4'", "(2, 3, 4)", bytesOf(cube), { fortran: "True" }),
  );
  assert.deepEqual([...toInt32(deep)], Array.from({ length: 24 }, (_, i) => i));
  const big = await readOne(
    npy(
      "'>f4'",
      "(3,)",
      Uint8Array.of(63, 192, 0, 0, 192, 0, 0, 0, 65, 0, 0, 0),
    ),
  );
  assert.deepEqual([...toFloat32(big)], [1.5, -2, 8]);
  const bfloat = await readOne(
    npy("'|V2'", "(2,)", Uint8Array.of(192, 63, 0, 192), { version: 2 }),
  );
  assert.equal(bfloat.dtype, "BF16");
  assert.deepEqual([...toFloat32(bfloat)], [1.5, -2]);
});

const zeros = new Uint8Array(200_000);
const bomb = npy("'<f4'", "(50000,)", zeros);

/** What is wrong, the files, the kind of error and its message. */
const REJECTED: readonly [string, ZipFile[], string, RegExp][] = [
  [
    "Python objects",
    [{ name: "a.npy", content: npy("'|O'", "(3,)", three) }],
    "SyntaxError",
    /x\.npz, a\.npy: got Python objects, which may run any program, wanted/,
  ],
  [
    "records",
    [{ name: "a.npy", content: npy("[('x', '<f4')]", "(3,)", three) }],
    "SyntaxError",
    /wanted descr, fortran_order and shape/,
  ],
  [
    "an unknown type",
    [{ name: "a.npy", content: npy("'<c8'", "(3,)", three) }],
    "SyntaxError",
    /got numbers of type "<c8", wanted a known type/,
  ],
  [
    "a shape that is larger than its bytes",
    [{ name: "a.npy", content: npy("'<f4'", "(4,)", three) }],
    "RangeError",
    /got 140 bytes, wanted 144 for F32 \[4\]/,
  ],
  [
    "a shape that no memory holds",
    [{
      name: "a.npy",
      content: npy("'<f4'", "(999999999999, 999999999999)", three),
    }],
    "RangeError",
    /wanted a size that can exist/,
  ],
  [
    "a negative size",
    [{ name: "a.npy", content: npy("'<f4'", "(-3,)", three) }],
    "SyntaxError",
    /got the header .*-3/,
  ],
  [
    "a header that is longer than the file",
    [{ name: "a.npy", content: vector.slice(0, 40) }],
    "SyntaxError",
    /wanted descr, fortran_order and shape/,
  ],
  [
    "a file that is no array",
    [{ name: "a.npy", content: three }],
    "SyntaxError",
    /got no array, wanted NumPy's npy format/,
  ],
  [
    "a pickle",
    [{ name: "data.pkl", content: Uint8Array.of(128, 2, 125, 113, 0, 46) }],
    "SyntaxError",
    /data\.pkl: got a Python pickle, which may run any program/,
  ],
  [
    "a file of another kind",
    [{ name: "a.txt", content: vector }],
    "SyntaxError",
    /got the file "a\.txt", wanted arrays only/,
  ],
  [
    "an encrypted file",
    [{ name: "a.npy", content: vector, flags: 1 }],
    "RangeError",
    /"a\.npy" encrypted, wanted plain files only/,
  ],
  [
    "an unknown packing",
    [{ name: "a.npy", content: vector, method: 14 }],
    "RangeError",
    /packed by method 14, wanted stored or deflated/,
  ],
  [
    "a stored file of two sizes",
    [{ name: "a.npy", content: vector, size: 1000 }],
    "RangeError",
    /of 140 bytes that unpack to 1000, wanted sizes that agree/,
  ],
  [
    "a bomb by what it declares",
    [{ name: "a.npy", content: vector, deflate: true, size: 1 << 30 }],
    "RangeError",
    /bytes that would unpack to 1073741824, wanted at most 16 times as many/,
  ],
  [
    "files that overlap",
    [
      { name: "a.npy", content: vector },
      { name: "b.npy", content: vector, offset: 0 },
    ],
    "RangeError",
    /got a damaged archive|differs|apart from others/,
  ],
  [
    "a place past the end",
    [{ name: "a.npy", content: vector, offset: 5000 }],
    "RangeError",
    /got a damaged archive|at byte 5000/,
  ],
];

for (const [what, files, name, message] of REJECTED) {
  Deno.test(`openNpz() rejects ${what}`, async () => {
    await assert.rejects(open(zip(files)), (error: Error) => {
      assert.equal(error.name, name);
      assert.match(error.message, /^Cannot read x\.npz[^]*: got [^]*wanted /);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("openNpz() rejects a file that was cut short anywhere", async () => {
  const whole = zip([
    { name: "a.npy", content: vector },
    { name: "b.npy", content: vector, deflate: true },
  ]);
  for (let length = 0; length < whole.length; length++) {
    await assert.rejects(open(whole.slice(0, length)), {
      name: "RangeError",
      message: /^Cannot read x\.npz: got a damaged archive/,
    });
  }
});

Deno.test("openNpz() unpacks no more than was declared", async () => {
  const small = zip([{
    name: "a.npy",
    content: bomb,
    deflate: true,
    size: npy("'<f4'", "(50000,)", new Uint8Array(0)).length + 40,
  }]);
  await assert.rejects(open(small), {
    name: "RangeError",
    message: /wanted 200128 for F32 \[50000\]/,
  });
  // A header that agrees with the lie, in front of more than it says.
  const lying = new Uint8Array(bomb.length);
  lying.set(npy("'<f4'", "(10,)", new Uint8Array(0)));
  const file = await open(
    zip([{ name: "a.npy", content: lying, deflate: true, size: 128 + 40 }]),
  );
  assert.throws(() => file.read("a"), {
    name: "RangeError",
    message: /packed bytes that are damaged or unpack to too many/,
  });
});

Deno.test("openNpz() finds numbers that were changed", async () => {
  for (const deflate of [false, true]) {
    const file = await open(
      zip([{ name: "a.npy", content: vector, deflate, crc: 7 }]),
    );
    assert.throws(() => file.read("a"), {
      name: "RangeError",
      message: /a\.npy: got 140 bytes with another checksum, wanted the 140/,
    });
  }
});
