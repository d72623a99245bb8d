import assert from "node:assert/strict";
import { openDemoFolder } from "../../cli/demo/folder.ts";
import { inFolder } from "../support/folder.ts";

const namesIn = (folder: string) =>
  Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

Deno.test("openDemoFolder() replaces an earlier demo", () =>
  inFolder(async (folder) => {
    for (const round of [1, 2]) {
      const made = await openDemoFolder(`${folder}/demo`);
      assert.equal(made.final, `${folder}/demo`);
      await Deno.writeTextFile(`${made.working}/file-${round}`, "");
      await made.publish({ round });
    }
    assert.deepEqual(namesIn(folder), ["demo"]);
    assert.deepEqual(namesIn(`${folder}/demo`), ["demo.json", "file-2"]);
  }));

Deno.test("openDemoFolder() leaves another folder alone", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/demo`);
    await Deno.writeTextFile(`${folder}/demo/mine`, "");
    const made = await openDemoFolder(`${folder}/demo`);
    assert.equal(made.final, `${folder}/demo-2`);
    await made.publish({});
    assert.deepEqual(namesIn(`${folder}/demo`), ["mine"]);
  }));

Deno.test("openDemoFolder() keeps an earlier demo when a new one stops", () =>
  inFolder(async (folder) => {
    await (await openDemoFolder(`${folder}/demo`)).publish({ round: 1 });
    await (await openDemoFolder(`${folder}/demo`)).discard();
    assert.deepEqual(namesIn(folder), ["demo"]);
  }));
