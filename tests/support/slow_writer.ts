/**
 * Writes a folder and says when all of it but the name is there; with `hold`, it
 * then waits to be killed. A program of its own, since it is killed.
 *
 *     slow_writer.ts FOLDER hold|finish
 *
 * @module
 */

import { writeFolder } from "../../core/export/write_folder.ts";

const [path, then] = Deno.args;
const files = new Map([["weights/model.bin", new Uint8Array(1 << 20)]]);
await writeFolder(path, files, async () => {
  await Deno.stdout.write(new TextEncoder().encode("written"));
  if (then === "hold") await new Promise((done) => setTimeout(done, 60_000));
});
