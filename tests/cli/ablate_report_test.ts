/**
 * The page that `alore ablate` writes, as a user gets it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseHTML } from "linkedom";
import { alore, type Ended } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";
import { SMALL_TRAIN, writeSmallFiles } from "../support/small_run.ts";

const ABLATE = ["ablate", "--out=study", ...SMALL_TRAIN.slice(1)];
const GRID = ["--method=linear,alore", "--experts=1,2", "--rank=1,2"];

function good(done: Ended): Ended {
  assert.equal(done.code, 0, done.stderr);
  return done;
}

interface Element {
  readonly textContent: string;
  getAttribute(name: string): string | null;
  querySelector(selector: string): Element | null;
  querySelectorAll(selector: string): Iterable<Element>;
}

async function readPage(folder: string): Promise<Element> {
  const text = await Deno.readTextFile(`${folder}/study/report.html`);
  return (parseHTML(text) as unknown as { document: Element }).document;
}

const words = (element: Element | null) =>
  element!.textContent.replace(/\s+/g, " ").trim();
const all = (page: Element, selector: string) =>
  [...page.querySelectorAll(selector)].map(words);

Deno.test("ablate writes a page with commands that repeat its runs", () =>
  inFolder(async (folder) => {
    await writeSmallFiles(folder);
    const done = good(await alore(folder, ...ABLATE, ...GRID, "--seeds=2"));
    assert.match(done.stdout, /^Report {2}study\/report\.html$/m);
    const page = await readPage(folder);
    assert.deepEqual(all(page, "h2"), [
      "Result",
      "What one more expert or one more rank buys",
      "Accuracy against trainable parameters",
      "Every setting on every data set",
      "Learning curves",
      "What the experts learn",
      "Repeat it",
    ]);
    assert.match(all(page, "dl").join(), /Runs 10 done .*Baseline linear/);
    assert.equal(all(page, ".task tbody tr").length, 5);
    assert.equal([...page.querySelectorAll("#experts img.original")].length, 3);
    const links = [...page.querySelectorAll(".cells a")]
      .map((link) => link.getAttribute("href"));
    assert.equal(links.length, 10);
    for (const link of links) await Deno.stat(`${folder}/study/${link}`);

    const [command] = all(page, ".cells code").filter((text) =>
      text.startsWith("deno task alore train")
    );
    const [, , , ...typed] = command.split(" ");
    good(await alore(folder, ...typed, "--device=cpu", "--threads=1"));

    const named = good(
      await alore(
        folder,
        "ablate",
        "--out=study",
        "--status",
        "--baseline=alore experts=2 rank=1",
      ),
    );
    assert.match(named.stdout, /10 done/);
    const again = await readPage(folder);
    assert.match(all(again, "dl").join(), /Baseline alore experts 2 rank 1/);
    // What was found inside of the best run is kept.
    assert.ok(all(again, "h2").includes("What the experts learn"));
  }));

Deno.test("ablate shows on its page what is not done", () =>
  inFolder(async (folder) => {
    await writeSmallFiles(folder);
    good(await alore(folder, ...ABLATE, ...GRID, "--index=1"));
    const early = await Deno.stat(`${folder}/study/report.html`)
      .catch(() => undefined);
    assert.equal(early, undefined);
    const [, , ...rest] = ABLATE;
    good(
      await alore(folder, ...ABLATE.slice(0, 2), ...rest, ...GRID, "--status"),
    );
    const page = await readPage(folder);
    assert.match(all(page, "dl").join(), /Runs 1 done, 4 pending/);
    assert.equal(
      all(page, ".task tbody tr").filter((row) => row.includes("pending"))
        .length,
      4,
    );
  }));

Deno.test("ablate refuses a baseline that the study does not have", () =>
  inFolder(async (folder) => {
    await writeSmallFiles(folder);
    const ran = await alore(folder, ...ABLATE, ...GRID, "--baseline=lora");
    assert.equal(ran.code, 1);
    assert.match(
      ran.stderr,
      /^error: Cannot compare with lora: got a baseline that the study does not have, wanted one of alore experts 1 rank 1, /m,
    );
    assert.deepEqual(
      Array.from(Deno.readDirSync(folder), ({ name }) => name).sort(),
      ["data.safetensors", "small.safetensors"],
    );
  }));
