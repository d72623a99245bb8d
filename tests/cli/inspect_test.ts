/**
 * `alore inspect` as a user runs it, on tiny images.
 *
 * @module
 */

import assert from "node:assert/strict";
import { encodePng } from "../../core/data/encode_png.ts";
import { alore, type Ended } from "../support/alore.ts";
import { inFolder } from "../support/folder.ts";
import { SMALL_TRAIN, writeSmallFiles } from "../support/small_run.ts";

/** Works in a folder with a run of a method. */
function inRun(
  method: string,
  work: (folder: string) => Promise<void>,
): Promise<void> {
  return inFolder(async (folder) => {
    await writeSmallFiles(folder);
    good(
      await alore(folder, ...SMALL_TRAIN, `--method=${method}`, "--out=run"),
    );
    await work(folder);
  });
}

function good(done: Ended): Ended {
  assert.equal(done.code, 0, done.stderr);
  return done;
}

const INSPECT = ["inspect", "--run=run", "--device=cpu", "--threads=1"];

Deno.test("inspect shows maps and numbers of test images", () =>
  inRun("alore", async (folder) => {
    const done = good(await alore(folder, ...INSPECT, "--count=2", "--heads"));
    assert.match(done.stdout, /^On 2 images the maps of two experts .*cosine/m);
    assert.match(done.stdout, /^Page {2}run\/inspect\.html$/m);
    const page = await Deno.readTextFile(`${folder}/run/inspect.html`);
    // Two blocks: attention, 3 heads, and 4 experts of three adapters that see
    // patches, for each of two images; and the images themselves.
    assert.equal(
      page.match(/src="data:image\/png/g)?.length,
      2 * (2 + 6 + 12 + 1),
    );
    assert.doesNotMatch(page, /(?:src|href)="(?!data:|#)/);

    const { stdout } = good(
      await alore(folder, ...INSPECT, "--count=2", "--json"),
    );
    const found = JSON.parse(stdout);
    assert.equal(found.grid, 4);
    assert.equal(found.images.length, 2);
    const [{ attention, adapters, probabilities, label }] = found.images;
    assert.equal(label, 0);
    assert.ok(Math.abs(sum(probabilities) - 1) < 1e-6);
    assert.deepEqual([attention.length, attention[0].heads.length], [2, 3]);
    assert.ok(Math.abs(sum(attention[0].mean) + attention[0].self - 1) < 1e-6);
    assert.deepEqual(
      adapters.map(({ maps }: { maps: unknown[] }) => maps.length),
      [4, 4, 4, 0],
    );
    assert.equal(found.adapters[0].cosines.delta[2][2].toFixed(6), "1.000000");
    assert.equal(typeof found.overall.mapCorrelation, "number");
  }));

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

Deno.test("inspect takes image files, and methods without experts", () =>
  inRun("lora", async (folder) => {
    const data = new Uint8Array(20 * 20 * 3).fill(90);
    const png = encodePng({ width: 20, height: 20, data });
    await Deno.writeFile(`${folder}/grey.png`, png);
    const done = good(
      await alore(folder, ...INSPECT, "--images=grey.png", "--out=pages"),
    );
    assert.match(done.stdout, /^The method has no experts: only attention/m);
    const page = await Deno.readTextFile(`${folder}/pages/inspect.html`);
    assert.match(page, /grey\.png: taken for (?:red|green|blue) with [\d.]+ %/);
    assert.doesNotMatch(page, /expert 1/);
  }));

Deno.test("inspect refuses what does not go together", () =>
  inRun("alore", async (folder) => {
    const both = await alore(folder, ...INSPECT, "--images=a.png", "--count=2");
    assert.equal(both.code, 2);
    assert.match(
      both.stderr,
      /^error: Cannot use --count: got --images as well/m,
    );
    const none = await alore(folder, ...INSPECT, "--images=none.png");
    assert.equal(none.code, 1);
    assert.match(
      none.stderr,
      /^error: Cannot read none\.png: got nothing there/m,
    );
  }));
