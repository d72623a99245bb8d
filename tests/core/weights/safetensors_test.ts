import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeSafetensors,
  fromFloat32,
  parseSafetensors,
  readSafetensors,
  type SafetensorsFile,
  writeSafetensors,
} from "../../../core/weights/safetensors.ts";

/** A file from a header given as text, so that it can lie. */
function fileOf(header: string, data = 0): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function sample(): SafetensorsFile {
  return {
    metadata: { format: "pt", "__proto__x": "é" },
    tensors: new Map([
      ["b", fromFloat32(new Float32Array([1.5, -2, 0]), [3], "F16")],
      ["a", fromFloat32(new Float32Array([1, 2, 3, 4]), [2, 2])],
      ["7", { dtype: "U8", shape: [3], data: new Uint8Array([7, 8, 9]) }],
      ["empty", { dtype: "I64", shape: [0, 5], data: new Uint8Array(0) }],
      ["scalar", { dtype: "BOOL", shape: [], data: new Uint8Array([1]) }],
    ]),
  };
}

const rejected: [string, Uint8Array<ArrayBuffer>, ErrorConstructor, RegExp][] =
  [
    ["an empty file", new Uint8Array(0), RangeError, /got 0 bytes/],
    [
      "a header past the end",
      new Uint8Array([255, 255, 255, 255, 255, 255, 255, 255, 123, 125]),
      RangeError,
      /got a header length of 18446744073709551615 bytes, wanted at most the 2/,
    ],
    ["broken JSON", fileOf("{"), SyntaxError, /got a header that is no JSON/],
    ["an array", fileOf("[]"), SyntaxError, /type array, wanted a JSON object/],
    ["null", fileOf("null"), SyntaxError, /type null/],
    [
      "a byte order mark",
      fileOf("\uFEFF{}"),
      SyntaxError,
      /got a header that is no JSON/,
    ],
    [
      "a tensor named twice",
      fileOf(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        1,
      ),
      SyntaxError,
      /got "a" twice/,
    ],
    [
      "a field named twice",
      fileOf(
        '{"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}',
        1,
      ),
      SyntaxError,
      /got "shape" twice/,
    ],
    [
      "an unknown element type",
      fileOf('{"a":{"dtype":"toString","shape":[1],"data_offsets":[0,1]}}', 1),
      SyntaxError,
      /got "toString" for tensor "a", wanted a known element type/,
    ],
    [
      "a negative dimension",
      fileOf('{"a":{"dtype":"U8","shape":[-1,-1],"data_offsets":[0,1]}}', 1),
      SyntaxError,
      /wanted a shape of whole numbers/,
    ],
    [
      "a fractional dimension",
      fileOf('{"a":{"dtype":"F32","shape":[0.25],"data_offsets":[0,1]}}', 1),
      SyntaxError,
      /wanted a shape of whole numbers/,
    ],
    [
      "a shape whose product overflows",
      fileOf(
        '{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}',
      ),
      RangeError,
      /wanted a size that can exist/,
    ],
    [
      "bytes that differ from the shape",
      fileOf('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 4),
      RangeError,
      /got 4 bytes for tensor "a", wanted 8 for F32 \[2\]/,
    ],
    [
      "offsets that run backwards",
      fileOf('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}', 1),
      RangeError,
      /got -1 bytes/,
    ],
    [
      "overlapping tensors",
      fileOf(
        '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
        3,
      ),
      RangeError,
      /got tensor "b" at byte 1, wanted it at 2/,
    ],
    [
      "a hole",
      fileOf('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', 2),
      RangeError,
      /got tensor "a" at byte 1, wanted it at 0/,
    ],
    [
      "trailing bytes",
      fileOf('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 2),
      RangeError,
      /got 2 bytes of tensor data, wanted the 1/,
    ],
    [
      "a truncated file",
      fileOf('{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}', 1),
      RangeError,
      /got 1 bytes of tensor data, wanted the 2/,
    ],
    [
      "metadata that is no string",
      fileOf('{"__metadata__":{"a":1}}'),
      SyntaxError,
      /got __metadata__ \{"a":1\}, wanted an object of strings/,
    ],
    [
      "metadata that is null",
      fileOf('{"__metadata__":null}'),
      SyntaxError,
      /got __metadata__ null/,
    ],
    [
      "a field it does not know",
      fileOf(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"__proto__":{}}}',
        1,
      ),
      SyntaxError,
      /wanted an object of dtype, shape and data_offsets/,
    ],
  ];

for (const [what, bytes, kind, message] of rejected) {
  Deno.test(`parseSafetensors() rejects ${what}`, () => {
    assert.throws(() => parseSafetensors(bytes, "x.safetensors"), (error) => {
      assert(error instanceof kind);
      assert.match(
        error.message,
        /^Cannot read x\.safetensors: got .*, wanted /,
      );
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("parseSafetensors() reads back what encodeSafetensors() wrote", () => {
  const bytes = encodeSafetensors(sample());
  const read = parseSafetensors(bytes, "x");
  assert.deepEqual(read.metadata, sample().metadata);
  assert.deepEqual(
    new Map([...read.tensors].sort()),
    new Map([...sample().tensors].sort()),
  );
  // Largest elements first, then by name: the order of the bytes.
  assert.deepEqual([...read.tensors.keys()], [
    "empty",
    "a",
    "b",
    "7",
    "scalar",
  ]);
  assert.equal(new DataView(bytes.buffer).getBigUint64(0, true) % 8n, 0n);
});

Deno.test("parseSafetensors() keeps a tensor and a key called __proto__", () => {
  const bytes = fileOf(
    '{"__metadata__":{"__proto__":"m"},"__proto__":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}',
    1,
  );
  const read = parseSafetensors(bytes, "x");
  assert.deepEqual([...read.tensors.keys()], ["__proto__"]);
  assert.deepEqual(Object.entries(read.metadata), [["__proto__", "m"]]);
});

Deno.test("parseSafetensors() aligns tensors that lie unaligned", () => {
  const header =
    '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}';
  const bytes = fileOf(header, 5);
  new DataView(bytes.buffer).setFloat32(bytes.length - 4, 2.5, true);
  const { data } = parseSafetensors(bytes, "x").tensors.get("b")!;
  assert.equal(data.byteOffset % 8, 0);
  assert.equal(new Float32Array(data.buffer, data.byteOffset, 1)[0], 2.5);
});

Deno.test("encodeSafetensors() gives equal bytes for equal content", () => {
  const reordered = sample();
  reordered.tensors = new Map([...reordered.tensors].reverse());
  assert.deepEqual(encodeSafetensors(reordered), encodeSafetensors(sample()));
});

Deno.test("encodeSafetensors() rejects bytes that differ from the shape", () => {
  const file = sample();
  file.tensors.get("a")!.shape = [3];
  assert.throws(() => encodeSafetensors(file), {
    name: "TypeError",
    message: /Cannot encode tensor "a": got 16 bytes, wanted 12 for F32 \[3\]/,
  });
});

Deno.test("writeSafetensors() writes what readSafetensors() reads", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/x.safetensors`;
  await writeSafetensors(path, sample());
  const read = await readSafetensors(path);
  assert.deepEqual(encodeSafetensors(read), encodeSafetensors(sample()));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("parseSafetensors() returns a sound file or a clear error for any mutation", () => {
  const valid = encodeSafetensors(sample());
  const headerBytes = new DataView(valid.buffer).getBigUint64(0, true);
  const mutation = fc.oneof(
    fc.record({
      at: fc.nat(valid.length - 1),
      drop: fc.nat(3),
      insert: fc.uint8Array({ maxLength: 4 }),
    }),
    fc.record({
      at: fc.nat(200),
      drop: fc.nat(2),
      insert: fc.constantFrom(...'0123456789,:{}[]"- ').map((character) =>
        new TextEncoder().encode(character)
      ),
    }),
  );
  const check = fc.property(
    fc.array(mutation, { minLength: 1, maxLength: 3 }),
    fc.boolean(),
    (mutations, fixLength) => {
      const bytes = [...valid];
      for (const { at, drop, insert } of mutations) {
        bytes.splice(at, drop, ...insert);
      }
      const mutated = new Uint8Array(bytes);
      if (fixLength && mutated.length > 8) {
        const view = new DataView(mutated.buffer);
        const growth = mutated.length - valid.length;
        view.setBigUint64(
          0,
          BigInt.asUintN(64, headerBytes + BigInt(growth)),
          true,
        );
      }
      try {
        const file = parseSafetensors(mutated, "x");
        let total = 0;
        for (const { data } of file.tensors.values()) {
          assert.equal(data.byteOffset % 8, 0);
          total += data.byteLength;
        }
        assert(total + 8 <= mutated.length);
        parseSafetensors(encodeSafetensors(file), "again");
      } catch (error) {
        assert(error instanceof SyntaxError || error instanceof RangeError);
        assert.match(error.message, /^Cannot read x: got [^]*, wanted /);
      }
    },
  );
  fc.assert(check, { numRuns: 20_000, interruptAfterTimeLimit: 3000, seed: 1 });
});
