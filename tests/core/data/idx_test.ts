import assert from "node:assert/strict";
import { readIdx } from "../../../core/data/idx.ts";
import { inFolder } from "../../support/folder.ts";
import { gzip, idxFile } from "../../support/idx.ts";

async function reads(
  bytes: Uint8Array<ArrayBuffer>,
  dimensions: number,
  work: (reading: ReturnType<typeof readIdx>) => Promise<void>,
) {
  await inFolder(async (folder) => {
    await Deno.writeFile(`${folder}/x`, bytes);
    await work(readIdx(`${folder}/x`, dimensions));
  });
}

const sound = idxFile([2, 1, 3], [1, 2, 3, 4, 5, 6]);

for (const zipped of [false, true]) {
  const pack = (bytes: Uint8Array<ArrayBuffer>) => zipped ? gzip(bytes) : bytes;
  const how = zipped ? "gzipped" : "plain";

  Deno.test(`readIdx() reads a ${how} file`, async () => {
    await reads(await pack(sound), 3, async (reading) => {
      const { shape, data } = await reading;
      assert.deepEqual(shape, [2, 1, 3]);
      assert.deepEqual([...data], [1, 2, 3, 4, 5, 6]);
    });
  });

  const wrong: [string, Uint8Array<ArrayBuffer>, string, RegExp][] = [
    [
      "a short file",
      sound.slice(0, -1),
      "RangeError",
      /got fewer bytes than its shape \[2,1,3\] has, wanted 6/,
    ],
    [
      "a long file",
      new Uint8Array([...sound, 0]),
      "RangeError",
      /got more bytes than its shape/,
    ],
    [
      "another element type",
      idxFile([2, 1, 3], [1, 2, 3, 4, 5, 6], 13),
      "SyntaxError",
      /starts with 0 0 13 3, wanted an idx header of 0 0 8 3/,
    ],
    [
      "other dimensions",
      idxFile([6], [1, 2, 3, 4, 5, 6]),
      "SyntaxError",
      /starts with 0 0 8 1/,
    ],
    [
      "a header cut short",
      sound.slice(0, 9),
      "SyntaxError",
      /wanted an idx header/,
    ],
    [
      "an impossible shape",
      idxFile([2 ** 32 - 1, 2 ** 32 - 1, 1], []),
      "RangeError",
      /wanted one that can exist/,
    ],
  ];
  for (const [what, bytes, name, message] of wrong) {
    Deno.test(`readIdx() rejects ${what} [${how}]`, async () => {
      await reads(
        await pack(bytes),
        3,
        (reading) => assert.rejects(reading, { name, message }),
      );
    });
  }
}

Deno.test("readIdx() rejects a broken gzip file", async () => {
  const zipped = await gzip(idxFile([1, 1, 3], [1, 2, 3]));
  await reads(zipped.slice(0, -6), 3, (reading) =>
    assert.rejects(reading, {
      name: "SyntaxError",
      message: /got bytes that do not unpack, wanted a whole gzip file/,
    }));
});

Deno.test("readIdx() rejects what unpacks to more than its header says", async () => {
  // 4 MB of zeros behind a header that speaks of three bytes.
  const bomb = new Uint8Array(4_000_000);
  bomb.set(idxFile([1, 1, 3], [1, 2, 3]));
  const zipped = await gzip(bomb);
  await reads(
    zipped,
    3,
    (reading) =>
      assert.rejects(reading, { message: /got more bytes than its shape/ }),
  );
});

Deno.test("readIdx() says that a file is missing", async () => {
  await assert.rejects(readIdx("no/such/file", 3), {
    name: "RangeError",
    message:
      "Cannot read no/such/file: got nothing there, wanted a file or folder",
  });
});
