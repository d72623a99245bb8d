import assert from "node:assert/strict";
import type { Grid } from "../../../core/study/grid.ts";
import type { LockOptions } from "../../../core/study/lock.ts";
import { StudyDirectory } from "../../../core/study/study_directory.ts";
import { addGrids, readGrids } from "../../../core/study/study_file.ts";
import { inFolder } from "../../support/folder.ts";

/** A study where a process of a host that is now gone had a run. */
async function leftBy(
  folder: string,
  host: string,
  options: LockOptions,
): Promise<StudyDirectory> {
  const study = new StudyDirectory(folder, options);
  await study.create();
  const holder = { id: "gone", host, pid: 1, since: "2024-01-01T00:00:00Z" };
  await Deno.writeTextFile(study.file("locks/run"), JSON.stringify(holder));
  return study;
}

const HERE = { host: "here", staleSeconds: 1 };
const { signal } = new AbortController();

Deno.test("StudyDirectory.outlast() waits for another machine's dead process", () =>
  inFolder(async (folder) => {
    const study = await leftBy(folder, "there", HERE);
    assert.equal((await study.status("run")).state, "running");
    assert.equal(await study.lock("run"), undefined);
    assert.equal(await study.outlast("run", signal), true);
    assert.equal((await study.status("run")).state, "new");
    await using lock = await study.lock("run");
    assert.ok(lock);
  }));

Deno.test("StudyDirectory.outlast() does not wait for what is alive here", () =>
  inFolder(async (folder) => {
    const study = new StudyDirectory(folder, HERE);
    await study.create();
    await using lock = await study.lock("run");
    assert.ok(lock);
    const started = performance.now();
    assert.equal(await study.outlast("run", signal), false);
    assert.ok(performance.now() - started < 1000);
  }));

Deno.test("StudyDirectory.status() takes a dead process of this machine for dead", () =>
  inFolder(async (folder) => {
    const study = await leftBy(folder, "here", HERE);
    assert.equal((await study.status("run")).state, "new");
  }));

Deno.test("addGrids() keeps every grid once", () =>
  inFolder(async (folder) => {
    const study = new StudyDirectory(folder);
    assert.deepEqual(await readGrids(study), []);
    await study.create();
    const grids: Grid[] = [{ data: ["a"], rank: [1, 2] }, {
      data: ["a"],
      seed: [0],
    }];
    await addGrids(study, [grids[0]]);
    await addGrids(study, [{ rank: [1, 2], data: ["a"] }, grids[1]]);
    const found = (await readGrids(study)).map((grid) => ({ ...grid }));
    assert.deepEqual(found, grids);
  }));
