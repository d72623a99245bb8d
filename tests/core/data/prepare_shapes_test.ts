import assert from "node:assert/strict";
import { kindNamed } from "../../../core/data/kinds.ts";
import { drawShapes, shapeClasses } from "../../../core/data/shapes.ts";
import { RandomStream } from "../../../core/rng.ts";

const SIZE = 32;

function draw(
  task: "position" | "orientation" | "count",
  label: number,
  i = 0,
) {
  return drawShapes(task, label, SIZE, new RandomStream(5, task, label, i));
}

/** Which pixels are not the ground. */
function inkMask(image: Uint8Array): boolean[] {
  // The most frequent colour is the ground's.
  const seen = new Map<number, number>();
  const colours = Array.from(
    { length: SIZE * SIZE },
    (_, i) => image[3 * i] << 16 | image[3 * i + 1] << 8 | image[3 * i + 2],
  );
  for (const colour of colours) seen.set(colour, (seen.get(colour) ?? 0) + 1);
  const [ground] = [...seen].sort((a, b) => b[1] - a[1])[0];
  return colours.map((colour) => colour !== ground);
}

function columnsOf(mask: boolean[]): number[] {
  return mask.flatMap((ink, i) => ink ? [i % SIZE] : []);
}

function islands(mask: boolean[]): number {
  const left = new Set(mask.flatMap((ink, i) => ink ? [i] : []));
  let count = 0;
  while (left.size > 0) {
    count++;
    const queue = [left.values().next().value!];
    left.delete(queue[0]);
    for (const at of queue) {
      for (const next of [at - 1, at + 1, at - SIZE, at + SIZE]) {
        if (left.delete(next)) queue.push(next);
      }
    }
  }
  return count;
}

Deno.test("drawShapes() puts a shape where its position class says", () => {
  const centre = (label: number) => {
    const columns = columnsOf(inkMask(draw("position", label)));
    return columns.reduce((sum, x) => sum + x, 0) / columns.length / SIZE;
  };
  const last = shapeClasses("position").length - 1;
  assert.ok(centre(0) < 0.3, `${centre(0)}`);
  assert.ok(Math.abs(centre(last / 2 | 0) - 0.5) < 0.15);
  assert.ok(centre(last) > 0.7, `${centre(last)}`);
});

Deno.test("drawShapes() draws as many shapes as the class says", () => {
  for (let label = 0; label < shapeClasses("count").length; label++) {
    assert.equal(islands(inkMask(draw("count", label))), label + 1);
  }
});

Deno.test("drawShapes() turns a shape by its orientation class", () => {
  const sides = (label: number, i: number) => {
    const random = new RandomStream(5, "same figure", i);
    const mask = inkMask(drawShapes("orientation", label, SIZE, random));
    const columns = columnsOf(mask);
    const rows = mask.flatMap((ink, at) => ink ? [Math.floor(at / SIZE)] : []);
    return [columns, rows].map((at) => Math.max(...at) - Math.min(...at));
  };
  const quarter = shapeClasses("orientation").length / 4;
  for (let i = 0; i < 10; i++) {
    const [width, height] = sides(0, i);
    const [turnedWidth, turnedHeight] = sides(quarter, i);
    assert.ok(Math.abs(width - turnedHeight) <= 1);
    assert.ok(Math.abs(height - turnedWidth) <= 1);
  }
});

Deno.test("shapes are the same for the same seed, and balanced", async () => {
  const kind = kindNamed("shapes");
  const make = (train: number, seed = 3) =>
    kind.prepare("orientation", { train, validation: 16, test: 16 }, {
      seed,
      command: "test",
    });
  const { dataset } = await make(32);
  const train = dataset.splits.get("train")!;
  assert.equal(dataset.classes.length, 16);
  assert.deepEqual(
    new Set(train.labels),
    new Set(Array.from({ length: 16 }, (_, i) => i)),
  );
  const larger = (await make(48)).dataset.splits.get("train")!;
  assert.deepEqual(
    larger.images.subarray(0, train.images.length),
    train.images,
  );
  const other = (await make(32, 4)).dataset.splits.get("train")!;
  assert.notDeepEqual(other.images, train.images);
  const test = dataset.splits.get("test")!;
  assert.notDeepEqual(
    test.images,
    train.images.subarray(0, test.images.length),
  );
});

Deno.test("shapes refuse a task that is not there", async () => {
  await assert.rejects(
    kindNamed("shapes").prepare("colour", {}, { seed: 0, command: "test" }),
    {
      name: "RangeError",
      message: 'Cannot draw shapes: got the task "colour", wanted one of ' +
        "position, orientation, count",
    },
  );
});
