/**
 * Drawings of simple shapes whose factors are known, in the spirit of dSprites:
 * the class is a position, an orientation or a number, never a kind of thing.
 *
 * @module
 */
import type { RandomStream } from "../rng.ts";

/** What the class of an image is. */
export const shapeTasks = ["position", "orientation", "count"] as const;

/** One of {@linkcode shapeTasks}. */
export type ShapeTask = typeof shapeTasks[number];

/** Number of classes of each task; VTAB-1k's dSprites tasks have 16, too. */
const CLASSES: Readonly<Record<ShapeTask, number>> = {
  position: 16,
  orientation: 16,
  count: 8,
};

/** Least and largest radius of a figure, as a share of the side. */
const RADII: Readonly<Record<ShapeTask, readonly [number, number]>> = {
  position: [0.1, 0.2],
  orientation: [0.16, 0.28],
  count: [0.08, 0.12],
};

/** Corners around the origin, within the unit circle; all point to +x. */
const OUTLINES: readonly (readonly [number, number])[][] = [
  [[1, 0], [-0.7, 0.6], [-0.7, -0.6]],
  [[1, 0], [0.1, 0.75], [0.1, 0.3], [-0.9, 0.3], [-0.9, -0.3], [0.1, -0.3], [
    0.1,
    -0.75,
  ]],
  [[0.9, 0], [0.2, 0.7], [-0.7, 0.5], [-0.35, 0], [-0.7, -0.5], [0.2, -0.7]],
];

/** Each pixel is the mean of SAMPLES × SAMPLES points. */
const SAMPLES = 4;

/** Least difference in brightness between a shape and its ground. */
const CONTRAST = 70;

/** A shape on the unit square, angles in radians. */
interface Figure {
  readonly outline: readonly (readonly [number, number])[];
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly angle: number;
}

/** The class names of a task, in order. */
export function shapeClasses(task: ShapeTask): string[] {
  const count = CLASSES[task];
  return Array.from({ length: count }, (_, label) => {
    if (task === "count") return `${label + 1}`;
    if (task === "orientation") return `${label * 360 / count}°`;
    return `${label + 1}/${count}`;
  });
}

/**
 * Draws one image of a class; all that the task does not ask for is random:
 * kind of shape, place, size, angle and both colours.
 *
 * @param label From 0 to the number of classes.
 * @param size Side of the image in pixels.
 * @returns `[size, size, 3]`, 0 to 255.
 */
export function drawShapes(
  task: ShapeTask,
  label: number,
  size: number,
  random: RandomStream,
): Uint8Array {
  const figures: Figure[] = [];
  const wanted = task === "count" ? label + 1 : 1;
  while (figures.length < wanted) {
    const figure = anyFigure(task, label, random);
    const apart = figures.every(({ x, y, radius }) =>
      Math.hypot(x - figure.x, y - figure.y) > radius + figure.radius
    );
    if (apart) figures.push(figure);
  }
  return paint(figures, size, random);
}

function anyFigure(
  task: ShapeTask,
  label: number,
  random: RandomStream,
): Figure {
  const between = (low: number, high: number) =>
    low + (high - low) * random.next();
  const [least, most] = RADII[task];
  const radius = between(least, most);
  const x = task === "position"
    ? most + (1 - 2 * most) * (label + random.next()) / CLASSES.position
    : between(radius, 1 - radius);
  const turn = 2 * Math.PI / CLASSES.orientation;
  const angle = task === "orientation"
    ? turn * (label + between(-0.4, 0.4))
    : between(0, 2 * Math.PI);
  return {
    outline: OUTLINES[random.below(OUTLINES.length)],
    x,
    y: between(radius, 1 - radius),
    radius,
    angle,
  };
}

function paint(
  figures: readonly Figure[],
  size: number,
  random: RandomStream,
): Uint8Array {
  const [ink, ground] = colours(random);
  const image = new Uint8Array(size * size * 3);
  for (let pixel = 0; pixel < size * size; pixel++) {
    let covered = 0;
    for (let sample = 0; sample < SAMPLES ** 2; sample++) {
      const x = pixel % size + (sample % SAMPLES + 0.5) / SAMPLES;
      const y = Math.floor(pixel / size) +
        (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES;
      if (figures.some((figure) => contains(figure, x / size, y / size))) {
        covered++;
      }
    }
    const share = covered / SAMPLES ** 2;
    for (let c = 0; c < 3; c++) {
      image[pixel * 3 + c] = ground[c] + (ink[c] - ground[c]) * share;
    }
  }
  return image;
}

/** Whether a point is inside, by the parity of edges to the right of it. */
function contains(figure: Figure, x: number, y: number): boolean {
  const { outline, radius, angle } = figure;
  const [cos, sin] = [Math.cos(angle) / radius, Math.sin(angle) / radius];
  const [dx, dy] = [x - figure.x, y - figure.y];
  const [u, v] = [cos * dx + sin * dy, cos * dy - sin * dx];
  let inside = false;
  outline.forEach(([x1, y1], i) => {
    const [x2, y2] = outline[(i + 1) % outline.length];
    const crosses = (y1 > v) !== (y2 > v);
    if (crosses && u < x1 + (x2 - x1) * (v - y1) / (y2 - y1)) inside = !inside;
  });
  return inside;
}

/** Two colours whose Rec. 601 brightness differs well. */
function colours(random: RandomStream): [number[], number[]] {
  const any = () => Array.from({ length: 3 }, () => 255 * random.next());
  const luma = ([r, g, b]: number[]) => 0.299 * r + 0.587 * g + 0.114 * b;
  while (true) {
    const [ink, ground] = [any(), any()];
    if (Math.abs(luma(ink) - luma(ground)) >= CONTRAST) return [ink, ground];
  }
}
