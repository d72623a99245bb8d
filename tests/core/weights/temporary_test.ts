import assert from "node:assert/strict";
import { takeTemporary } from "../../../core/weights/temporary.ts";
import { writeFile } from "../../../core/weights/write_file.ts";
import { inFolder } from "../../support/folder.ts";

const names = (folder: string) =>
  [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

/** Writes a folder; returns once all of it but the name is there. */
async function start(
  path: string,
  then: "hold" | "finish",
): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "tests/support/slow_writer.ts", path, then],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value), "written");
  await reader.cancel();
  return child;
}

Deno.test("takeTemporary() removes what killed writers left, and nobody else's", () =>
  inFolder(async (folder) => {
    const path = `${folder}/out`;
    const killed = await start(path, "hold");
    const left = names(folder);
    assert.equal(left.length, 2);
    killed.kill("SIGKILL");
    await killed.status;
    assert.deepEqual(names(folder), left);

    // Another path's writer leaves them alone, and so does this one's holder.
    await writeFile(`${folder}/other`, "x");
    await Deno.remove(`${folder}/other`);
    assert.deepEqual(names(folder), left);
    const living = await start(path, "hold");
    const held = names(folder);
    assert.equal(held.length, 2);
    assert.ok(!left.some((name) => held.includes(name)));

    const done = await start(path, "finish");
    assert.ok((await done.status).success);
    assert.deepEqual(names(folder), [...held, "out"].sort());
    assert.deepEqual(names(`${path}/weights`), ["model.bin"]);
    living.kill("SIGKILL");
    await living.status;
  }));

Deno.test("takeTemporary() leaves what no lock stands for, and other machines'", () =>
  inFolder(async (folder) => {
    const other = `${folder}/.a.${crypto.randomUUID()}.tmp`;
    await Deno.writeTextFile(other, "x");
    await Deno.writeTextFile(`${other}.lock`, "another machine");
    await Deno.writeTextFile(`${folder}/.a.tmp`, "x");
    const before = names(folder);
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `import { writeFile } from "./core/weights/write_file.ts";
        await writeFile(${JSON.stringify(`${folder}/a`)}, "x");`,
      ],
    }).output();
    assert.equal(code, 0);
    assert.deepEqual(names(folder), [...before, "a"].sort());
  }));

Deno.test("takeTemporary() removes its files when it is given back", () =>
  inFolder(async (folder) => {
    {
      await using one = await takeTemporary(`${folder}/a`);
      await using two = await takeTemporary(`${folder}/a`);
      assert.notEqual(one.path, two.path);
      await Deno.writeTextFile(one.path, "x");
      await Deno.mkdir(`${two.path}/b`, { recursive: true });
      assert.equal(names(folder).length, 4);
    }
    assert.deepEqual(names(folder), []);
  }));
