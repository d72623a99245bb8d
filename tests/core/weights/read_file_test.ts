import assert from "node:assert/strict";
import { readFile, statSource } from "../../../core/weights/read_file.ts";

Deno.test("readFile() names what is missing or no file", async () => {
  const folder = await Deno.makeTempDir();
  await assert.rejects(readFile(`${folder}/x`), {
    name: "RangeError",
    message:
      `Cannot read ${folder}/x: got nothing there, wanted a file or folder`,
  });
  await assert.rejects(readFile(folder), {
    name: "RangeError",
    message: `Cannot read ${folder}: got a folder, wanted a file`,
  });
  await Deno.writeTextFile(`${folder}/x`, "hi");
  assert.deepEqual([...await readFile(`${folder}/x`)], [104, 105]);
  assert.equal((await statSource(folder)).isDirectory, true);
  await Deno.remove(folder, { recursive: true });
});
