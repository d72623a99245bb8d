import assert from "node:assert/strict";
import { fileSource, memorySource } from "../../../core/weights/byte_source.ts";
import { sha256, sha256Of } from "../../../core/weights/sha256.ts";
import { inFolder } from "../../support/folder.ts";

Deno.test("fileSource() reads ranges, and none past the end", () =>
  inFolder(async (folder) => {
    const path = `${folder}/x`;
    await Deno.writeFile(path, Uint8Array.of(1, 2, 3, 4, 5));
    const source = await fileSource(path);
    assert.equal(source.size, 5);
    assert.deepEqual([...source.read(1, 3)], [2, 3, 4]);
    assert.deepEqual([...source.read(5, 0)], []);
    const target = new Uint8Array(2);
    source.readInto(3, target);
    assert.deepEqual([...target], [4, 5]);
    for (const [offset, length] of [[4, 2], [-1, 2], [0, 2 ** 40]]) {
      assert.throws(() => source.read(offset, length), {
        name: "RangeError",
        message: `Cannot read ${path}: got bytes ${offset} to ` +
          `${offset + length}, wanted a range within its 5`,
      });
    }
  }));

Deno.test("fileSource() refuses a file that changed after it was opened", () =>
  inFolder(async (folder) => {
    const path = `${folder}/x`;
    await Deno.writeFile(path, Uint8Array.of(1, 2, 3));
    const source = await fileSource(path);
    await Deno.writeFile(path, Uint8Array.of(1, 2));
    assert.throws(() => source.read(0, 1), {
      name: "RangeError",
      message: /got a file that has changed since it was opened/,
    });
  }));

Deno.test("fileSource() refuses a folder and what is not there", () =>
  inFolder(async (folder) => {
    await assert.rejects(fileSource(folder), /got a folder, wanted a file/);
    await assert.rejects(fileSource(`${folder}/x`), /got nothing there/);
  }));

Deno.test("sha256Of() equals the hash of the bytes at once", async () => {
  const bytes = Uint8Array.from({ length: 9 << 20 }, (_, i) => i % 251);
  const parts = [bytes.subarray(0, 1000), bytes.subarray(1000)];
  const hash = sha256Of(parts.map((part) => memorySource(part, "x")));
  assert.equal(hash, await sha256(bytes));
});
