import assert from "node:assert/strict";
import { type Contour, rasterize } from "../../../assets/make/rasterize.ts";

function square(left: number, top: number, right: number, bottom: number) {
  return Float64Array.of(left, top, right, top, right, bottom, left, bottom);
}

function reversed(contour: Contour): Contour {
  const points: number[] = [];
  for (let i = contour.length - 2; i >= 0; i -= 2) {
    points.push(contour[i], contour[i + 1]);
  }
  return Float64Array.from(points);
}

Deno.test("rasterize() gives each pixel the area that is covered", () => {
  const coverage = rasterize([square(0.5, 1, 2.25, 2.5)], 4);
  assert.deepEqual([...coverage], [
    ...[0, 0, 0, 0],
    ...[0.5, 1, 0.25, 0],
    ...[0.25, 0.5, 0.125, 0],
    ...[0, 0, 0, 0],
  ]);
});

Deno.test("rasterize() covers half of a pixel under its diagonal", () => {
  const triangle = Float64Array.of(0, 0, 2, 2, 0, 2);
  assert.deepEqual([...rasterize([triangle], 2)], [0.5, 0, 1, 0.5]);
});

Deno.test("rasterize() cuts a hole where a polygon runs the other way", () => {
  const outer = square(0, 0, 3, 3);
  const hole = reversed(square(1, 1, 2, 2));
  assert.deepEqual([...rasterize([outer, hole], 3)], [
    ...[1, 1, 1],
    ...[1, 0, 1],
    ...[1, 1, 1],
  ]);
});

Deno.test("rasterize() counts no more than 1 where polygons overlap", () => {
  const coverage = rasterize([square(0, 0, 2, 1), square(1, 0, 3, 1)], 3);
  assert.deepEqual([...coverage.subarray(0, 3)], [1, 1, 1]);
});

Deno.test("rasterize() clips what lies outside of the image", () => {
  const coverage = rasterize([square(-5, -5, 1.5, 9)], 2);
  assert.deepEqual([...coverage], [1, 0.5, 1, 0.5]);
  assert.deepEqual([...rasterize([square(5, 0, 9, 2)], 2)], [0, 0, 0, 0]);
});
