import assert from "node:assert/strict";
import { hubBackbones, hubFiles, placeOf } from "../../../core/models/hub.ts";
import { download } from "../../../core/weights/download.ts";
import { inFolder } from "../../support/folder.ts";
import { type Mischief, TestHub } from "../../support/hub.ts";

const CONTENT = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7);

/** Pulls the weights from a hub of a certain mischief, as a command does. */
function pulling(
  mischief: Mischief,
  work: (
    fetchIt: () => Promise<boolean>,
    more: { path: string; hub: TestHub },
  ) => Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    await using hub = new TestHub(
      new Map([["model.safetensors", CONTENT]]),
    );
    hub.mischief = mischief;
    const path = `${folder}/model.safetensors`;
    const fetchIt = async () => {
      const [file] = await hubFiles("owner/model", { hub: hub.url });
      return await download({
        ...file,
        path,
        attempts: 3,
        wait: 1,
        silence: 500,
      });
    };
    await work(fetchIt, { path, hub });
  });
}

async function assertWhole(path: string): Promise<void> {
  assert.deepEqual(await Deno.readFile(path), CONTENT);
  await assert.rejects(Deno.stat(`${path}.part`), Deno.errors.NotFound);
}

Deno.test("download() fetches a file once and checks it ever after", () =>
  pulling({}, async (fetchIt, { path, hub }) => {
    assert.equal(await fetchIt(), true);
    await assertWhole(path);
    assert.equal(await fetchIt(), false);
    assert.deepEqual(hub.asked, ["model.safetensors all"]);
    const changed = CONTENT.slice();
    changed[5] ^= 1;
    await Deno.writeFile(path, changed);
    assert.equal(await fetchIt(), true);
    await assertWhole(path);
  }));

Deno.test("download() goes on where a connection was dropped", () =>
  pulling({ dropAfter: 70_000 }, async (fetchIt, { path, hub }) => {
    await fetchIt();
    await assertWhole(path);
    assert.ok(hub.asked.length >= 5, hub.asked.join());
    assert.ok(hub.asked.slice(1).every((one) => /bytes=[1-9]/.test(one)));
  }));

Deno.test("download() starts again where the server knows no ranges", () =>
  pulling({ noRanges: true }, async (fetchIt, { path, hub }) => {
    await Deno.writeFile(`${path}.part`, CONTENT.subarray(0, 1000));
    await fetchIt();
    await assertWhole(path);
    assert.deepEqual(hub.asked, ["model.safetensors bytes=1000-"]);
  }));

Deno.test("download() bears a few failures and keeps what it has", () =>
  pulling({ failures: 2 }, async (fetchIt, { path, hub }) => {
    await fetchIt();
    await assertWhole(path);
    await Deno.remove(path);
    await Deno.writeFile(`${path}.part`, CONTENT.subarray(0, 1000));
    hub.mischief = { failures: 99 };
    await assert.rejects(fetchIt(), {
      name: "RangeError",
      message: /got status 503, wanted the whole file/,
      hint: "the same command goes on where it stopped",
    });
    assert.equal((await Deno.stat(`${path}.part`)).size, 1000);
  }));

Deno.test("download() gives up a connection that says nothing more", () =>
  pulling({ stallAfter: 70_000 }, async (fetchIt, { path, hub }) => {
    await fetchIt();
    await assertWhole(path);
    assert.ok(hub.asked.length >= 5, hub.asked.join());
  }));

Deno.test("download() removes a file of another hash", () =>
  pulling({ hash: "ab".repeat(32) }, async (fetchIt, { path }) => {
    await assert.rejects(fetchIt(), {
      name: "RangeError",
      message: /got bytes with another hash, wanted abab/,
    });
    for (const name of [path, `${path}.part`]) {
      await assert.rejects(Deno.stat(name), Deno.errors.NotFound);
    }
  }));

Deno.test("download() refuses more and less than was announced", async () => {
  await pulling({ trailing: 10 }, (fetchIt) =>
    assert.rejects(fetchIt(), {
      name: "RangeError",
      message: /got more than 300000 bytes, wanted as many as were announced/,
    }));
  await pulling(
    { sizeOff: -10 },
    (fetchIt) => assert.rejects(fetchIt(), /got more than 299990 bytes/),
  );
  await pulling({ sizeOff: 10 }, (fetchIt) =>
    assert.rejects(fetchIt(), {
      name: "RangeError",
      message: /wanted the whole file/,
    }));
});

Deno.test("hubFiles() refuses a repository without weights or without a hash", () =>
  pulling({ hash: "no hash" }, async (fetchIt, { hub }) => {
    await assert.rejects(fetchIt(), {
      name: "RangeError",
      message: /the tag "no hash", wanted a size and a hash/,
    });
    await assert.rejects(hubFiles("owner/other", { hub: hub.url }), {
      name: "RangeError",
      message:
        /got no model\.safetensors there, wanted one in revision main of a/,
    });
    await assert.rejects(
      hubFiles("owner/model", { hub: "http://127.0.0.1:1" }),
      {
        name: "RangeError",
        message: /got no connection/,
      },
    );
  }));

Deno.test("placeOf() knows names and repositories", () => {
  for (const [name, repository] of hubBackbones) {
    assert.equal(placeOf(name).repository, repository);
    assert.deepEqual(placeOf(repository), placeOf(name));
  }
  // Its main branch has a pickle alone.
  assert.equal(placeOf("clip-b32").revision, "refs/pr/15");
  assert.equal(placeOf("vit-b16").revision, undefined);
  assert.throws(() => placeOf("vit-b-16"), {
    name: "RangeError",
    hint: "did you mean vit-b16?",
  });
  assert.throws(() => placeOf("../etc"), RangeError);
});

Deno.test("hubFiles() asks for a revision that is a path", async () => {
  await using hub = new TestHub(
    new Map([["model.safetensors", CONTENT]]),
    "refs%2Fpr%2F15",
  );
  const [file] = await hubFiles("owner/model", {
    hub: hub.url,
    revision: "refs/pr/15",
  });
  assert.equal(file.size, CONTENT.length);
});
