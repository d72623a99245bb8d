import assert from "node:assert/strict";
import { holderOf, Lock } from "../../../core/study/lock.ts";
import { inFolder } from "../../support/folder.ts";

const HERE = { host: "here" };
const PROCESSES = 6;

const names = (folder: string) =>
  Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

/** Sets a file's time back. */
async function age(path: string, seconds: number): Promise<void> {
  const then = new Date(Date.now() - seconds * 1000);
  await Deno.utime(path, then, then);
}

/** A lock whose process is gone: a file with a holder and no flock. */
async function leave(path: string, host: string): Promise<void> {
  const holder = { id: "gone", host, pid: 1, since: new Date().toISOString() };
  await Deno.writeTextFile(path, JSON.stringify(holder) + "\n");
}

Deno.test("Lock.take() gives a lock to one holder until it is given back", () =>
  inFolder(async (folder) => {
    const path = `${folder}/x`;
    const first = await Lock.take(path, HERE);
    assert.ok(first);
    assert.equal(await Lock.take(path, HERE), undefined);
    assert.equal((await holderOf(path, HERE))?.id, first.holder.id);
    await first.release();
    assert.deepEqual(names(folder), []);
    assert.equal(await holderOf(path, HERE), undefined);
    await using again = await Lock.take(path, HERE);
    assert.ok(again);
  }));

Deno.test("Lock.take() replaces the lock of a dead process of this host at once", () =>
  inFolder(async (folder) => {
    await leave(`${folder}/x`, "here");
    await using lock = await Lock.take(`${folder}/x`, HERE);
    assert.ok(lock);
    assert.deepEqual(names(folder), ["x"]);
  }));

Deno.test("Lock.take() waits for the age of another host's lock", () =>
  inFolder(async (folder) => {
    const path = `${folder}/x`;
    await leave(path, "there");
    assert.equal(await Lock.take(path, HERE), undefined);
    await age(path, 1000);
    await using lock = await Lock.take(path, HERE);
    assert.ok(lock);
  }));

Deno.test("Lock.take() leaves a living lock alone, however old it looks", () =>
  inFolder(async (folder) => {
    const path = `${folder}/x`;
    await using lock = await Lock.take(path, HERE);
    assert.ok(lock);
    await age(path, 1000);
    assert.equal(await Lock.take(path, HERE), undefined);
    assert.equal(await Lock.take(path, { host: "there" }), undefined);
  }));

Deno.test("Lock.take() clears away what a process that died while replacing left", () =>
  inFolder(async (folder) => {
    const path = `${folder}/x`;
    await leave(path, "here");
    await Deno.writeTextFile(`${path}.replacing`, "");
    assert.equal(await Lock.take(path, HERE), undefined);
    await age(`${path}.replacing`, 1000);
    assert.equal(await Lock.take(path, HERE), undefined); // Clears it.
    await using lock = await Lock.take(path, HERE);
    assert.ok(lock);
  }));

Deno.test("a lock beats, and says when it was taken away", () =>
  inFolder(async (folder) => {
    const path = `${folder}/x`;
    await using lock = await Lock.take(path, { ...HERE, beatSeconds: 0.05 });
    assert.ok(lock);
    await age(path, 1000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { mtime } = await Deno.stat(path);
    assert.ok(mtime && Date.now() - mtime.getTime() < 100_000);
    assert.equal(lock.lost.aborted, false);
    await Deno.remove(path);
    await leave(path, "there");
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(lock.lost.aborted, true);
  }));

Deno.test("only one of several processes replaces a stale lock", () =>
  inFolder(async (folder) => {
    for (let round = 0; round < 3; round++) {
      const path = `${folder}/${round}`;
      await leave(path, "here");
      const start = Date.now() + 1000;
      const contenders = Array.from(
        { length: PROCESSES },
        () => contend(path, start),
      );
      const said = await Promise.all(contenders.map(({ said }) => said));
      // The winner keeps its lock until everyone has tried.
      await Promise.all(contenders.map(({ end }) => end()));
      assert.deepEqual(said.sort(), [
        ...Array.from({ length: PROCESSES - 1 }, () => "busy"),
        "taken",
      ]);
    }
  }));

/** A process that tries to take a lock, says how it went, and waits. */
function contend(
  path: string,
  start: number,
): { said: Promise<string>; end(): Promise<void> } {
  const module = new URL("../../../core/study/lock.ts", import.meta.url).href;
  const code = `
    import { Lock } from "${module}";
    await new Promise((go) => setTimeout(go, ${start} - Date.now()));
    let lock;
    for (let i = 0; i < 20 && !lock; i++) {
      lock = await Lock.take(${JSON.stringify(path)}, { host: "here" });
    }
    console.log(lock ? "taken" : "busy");
    for await (const _ of Deno.stdin.readable);
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", code],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  return {
    said: reader.read().then(({ value }) =>
      new TextDecoder().decode(value).trim()
    ),
    async end() {
      await child.stdin.close();
      await reader.cancel();
      await child.status;
    },
  };
}
