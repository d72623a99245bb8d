import assert from "node:assert/strict";
import { hintOf } from "../../../core/errors.ts";
import { appendLine, writeFile } from "../../../core/weights/write_file.ts";

async function inFolder(work: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const names = (folder: string) =>
  [...Deno.readDirSync(folder)].map(({ name }) => name);

Deno.test("writeFile() writes text and bytes and leaves no temporary file", () =>
  inFolder(async (folder) => {
    await writeFile(`${folder}/a`, "é");
    await writeFile(`${folder}/b`, new Uint8Array([1, 2]));
    assert.equal(await Deno.readTextFile(`${folder}/a`), "é");
    assert.deepEqual(
      await Deno.readFile(`${folder}/b`),
      new Uint8Array([1, 2]),
    );
    assert.deepEqual(names(folder).sort(), ["a", "b"]);
  }));

Deno.test("writeFile() refuses a path that exists unless told to overwrite", () =>
  inFolder(async (folder) => {
    const path = `${folder}/a`;
    await writeFile(path, "old");
    await assert.rejects(writeFile(path, "new"), (error) => {
      assert(error instanceof RangeError);
      assert.match(error.message, /got a path that exists, wanted a new one/);
      assert(hintOf(error));
      return true;
    });
    assert.equal(await Deno.readTextFile(path), "old");
    await writeFile(path, "new", { overwrite: true });
    assert.equal(await Deno.readTextFile(path), "new");
  }));

Deno.test("writeFile() removes its temporary file when it fails", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/a/b`, { recursive: true });
    await assert.rejects(writeFile(`${folder}/a`, "x", { overwrite: true }));
    assert.deepEqual(names(folder), ["a"]);
    assert.deepEqual(names(`${folder}/a`), ["b"]);
  }));

Deno.test("writeFile() names a folder that does not exist", () =>
  inFolder(async (folder) => {
    await assert.rejects(writeFile(`${folder}/no/a`, "x"), {
      name: "RangeError",
      message: /Cannot write .*no\/a: got a folder that does not exist/,
    });
  }));

Deno.test("writeFile() lets writers of one path race without harm", () =>
  inFolder(async (folder) => {
    const path = `${folder}/a`;
    const contents = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(5000));
    await Promise.all(
      contents.map((text) => writeFile(path, text, { overwrite: true })),
    );
    assert(contents.includes(await Deno.readTextFile(path)));
    assert.deepEqual(names(folder), ["a"]);
  }));

Deno.test("appendLine() appends, and drops a line that a crash cut short", () =>
  inFolder(async (folder) => {
    const path = `${folder}/log`;
    await appendLine(path, "one");
    await appendLine(path, "two");
    await Deno.writeTextFile(path, "x".repeat(10_000), { append: true });
    await appendLine(path, "three");
    assert.equal(await Deno.readTextFile(path), "one\ntwo\nthree\n");
    await Deno.writeTextFile(path, "torn");
    await appendLine(path, "four");
    assert.equal(await Deno.readTextFile(path), "four\n");
    await assert.rejects(appendLine(path, "a\nb"), {
      name: "TypeError",
      message: /got a line feed/,
    });
  }));
