/** Glyph outlines: from path commands to polygons that can be bent. */

import type { Contour } from "./rasterize.ts";

/** One drawing command of a font's outline, in font units, y down. */
export type PathCommand =
  | { type: "M" | "L"; x: number; y: number }
  | { type: "Q"; x1: number; y1: number; x: number; y: number }
  | {
    type: "C";
    x1: number;
    y1: number;
    x2: number;
    y2: number;
    x: number;
    y: number;
  }
  | { type: "Z" };

/** A box around points: left, top, right, bottom. */
export type Box = [number, number, number, number];

/** Returns the closed polygons of an outline, each curve in `steps` pieces. */
export function flatten(commands: PathCommand[], steps: number): Contour[] {
  const contours: Contour[] = [];
  let points: number[] = [];
  const close = () => {
    if (points.length >= 6) contours.push(Float64Array.from(points));
    points = [];
  };
  for (const command of commands) {
    if (command.type === "Z") {
      close();
      continue;
    }
    if (command.type === "M") close();
    if (command.type === "Q" || command.type === "C") {
      appendCurve(points, command, steps);
    } else appendLine(points, command.x, command.y, steps);
  }
  close();
  return contours;
}

/** Long straight edges are cut too, so that a warp can bend them. */
function appendLine(
  points: number[],
  x: number,
  y: number,
  steps: number,
): void {
  const length = points.length;
  if (length === 0) {
    points.push(x, y);
    return;
  }
  const fromX = points[length - 2];
  const fromY = points[length - 1];
  for (let step = 1; step <= steps; step++) {
    const t = step / steps;
    points.push(fromX + (x - fromX) * t, fromY + (y - fromY) * t);
  }
}

function appendCurve(
  points: number[],
  command: Extract<PathCommand, { type: "Q" | "C" }>,
  steps: number,
): void {
  const x0 = points[points.length - 2] ?? command.x1;
  const y0 = points[points.length - 1] ?? command.y1;
  for (let step = 1; step <= steps; step++) {
    const t = step / steps;
    const s = 1 - t;
    if (command.type === "Q") {
      points.push(
        s * s * x0 + 2 * s * t * command.x1 + t * t * command.x,
        s * s * y0 + 2 * s * t * command.y1 + t * t * command.y,
      );
    } else {
      const [a, b, c, d] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
      points.push(
        a * x0 + b * command.x1 + c * command.x2 + d * command.x,
        a * y0 + b * command.y1 + c * command.y2 + d * command.y,
      );
    }
  }
}

/** Returns the smallest box around all points. */
export function boundingBox(contours: Contour[]): Box {
  const box: Box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const contour of contours) {
    for (let i = 0; i < contour.length; i += 2) {
      box[0] = Math.min(box[0], contour[i]);
      box[1] = Math.min(box[1], contour[i + 1]);
      box[2] = Math.max(box[2], contour[i]);
      box[3] = Math.max(box[3], contour[i + 1]);
    }
  }
  return box;
}

/** Returns the polygons with every point moved by `move`. */
export function mapPoints(
  contours: Contour[],
  move: (x: number, y: number) => [number, number],
): Contour[] {
  return contours.map((contour) => {
    const moved = new Float64Array(contour.length);
    for (let i = 0; i < contour.length; i += 2) {
      const [x, y] = move(contour[i], contour[i + 1]);
      moved[i] = x;
      moved[i + 1] = y;
    }
    return moved;
  });
}
