import assert from "node:assert/strict";
import {
  boundingBox,
  flatten,
  mapPoints,
  type PathCommand,
} from "../../../assets/make/outline.ts";

const DIAMOND: PathCommand[] = [
  { type: "M", x: 0, y: -2 },
  { type: "L", x: 2, y: 0 },
  { type: "L", x: 0, y: 2 },
  { type: "L", x: -2, y: 0 },
  { type: "Z" },
];

Deno.test("flatten() cuts edges into equal pieces", () => {
  const [contour] = flatten(DIAMOND, 2);
  assert.deepEqual(
    [...contour],
    [0, -2, 1, -1, 2, 0, 1, 1, 0, 2, -1, 1, -2, 0],
  );
});

Deno.test("flatten() passes through the middle of a quadratic and a cubic curve", () => {
  const [quadratic] = flatten([
    { type: "M", x: 0, y: 0 },
    { type: "Q", x1: 1, y1: 2, x: 2, y: 0 },
    { type: "L", x: 1, y: -1 },
    { type: "Z" },
  ], 2);
  assert.deepEqual([...quadratic.subarray(2, 4)], [1, 1]);
  const [cubic] = flatten([
    { type: "M", x: 0, y: 0 },
    { type: "C", x1: 0, y1: 4, x2: 4, y2: 4, x: 4, y: 0 },
    { type: "Z" },
  ], 2);
  assert.deepEqual([...cubic.subarray(2, 4)], [2, 3]);
});

Deno.test("flatten() starts a polygon at every move", () => {
  assert.equal(flatten([...DIAMOND, ...DIAMOND], 1).length, 2);
});

Deno.test("boundingBox() follows mapPoints()", () => {
  const moved = mapPoints(flatten(DIAMOND, 3), (x, y) => [x + 10, 2 * y]);
  assert.deepEqual(boundingBox(moved), [8, -4, 12, 4]);
});
