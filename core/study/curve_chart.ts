import * as Plot from "@observablehq/plot";
import { clip, formatCount, formatFixed } from "./format.ts";
import { type Html, html } from "./html.ts";
import { drawPlot } from "./plot.ts";

/** What the vertical axis measures. */
export interface Quantity {
  readonly title: string;
  readonly unit: string;
  readonly decimals: number;
  /** Smallest and largest value that must be seen. */
  readonly domain: (values: readonly number[]) => readonly [number, number];
}

/** A value of one epoch. */
export interface Point {
  readonly epoch: number;
  /** NaN breaks the line. */
  readonly value: number;
}

/** How a run is told from the others: by colour, symbol and width. */
export interface CurveStyle {
  readonly color: string;
  readonly symbol: Plot.SymbolType;
  readonly width: number;
}

/** One run: its values in training and in validation. */
export interface Curve {
  readonly name: string;
  readonly style: CurveStyle;
  readonly train: readonly Point[];
  readonly validation: readonly Point[];
}

const WIDTH = 460;
const HEIGHT = 300;
const MARGIN = { top: 32, bottom: 40, left: 44 };
const LINE_HEIGHT = 15;
/** With more epochs than this, points are drawn only where no line is. */
const DOTTED_EPOCHS = 40;
const SYMBOLS: readonly Plot.SymbolType[] = [
  "square",
  "triangle",
  "diamond",
  "cross",
  "star",
  "wye",
];

/**
 * How a run looks.
 *
 * @param index Of a run beside the highlighted one, which has none.
 */
export function curveStyle(index: number | undefined): CurveStyle {
  if (index === undefined) {
    return { color: "var(--series-0)", symbol: "circle", width: 2.75 };
  }
  const { length } = SYMBOLS;
  // A colour that comes again comes with another symbol.
  const symbol = SYMBOLS[(index + Math.floor(index / length)) % length];
  return { color: `var(--series-${index % length + 1})`, symbol, width: 1.75 };
}

/**
 * Draws a value over the epochs: validation solid, training dashed, each run's
 * name at its end.
 *
 * @param curves Drawn in this order.
 */
export function curveChart(quantity: Quantity, curves: readonly Curve[]): Html {
  const points = curves.flatMap((c) => [...c.train, ...c.validation]);
  const values = points.map((p) => p.value).filter(Number.isFinite);
  if (values.length === 0) return html`<p>No value is a finite number.</p>`;
  const epochs = Math.max(...points.map((point) => point.epoch));
  const [low, high] = quantity.domain(values);
  const domain = [low, high > low ? high : low + 1];
  const names = curves.map((curve) => clip(curve.name, 14));
  const right = 24 + Math.max(...names.map((name) => name.length)) * 7.5;
  const options: Plot.PlotOptions & { width: number } = {
    width: WIDTH,
    height: HEIGHT,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    marginLeft: MARGIN.left,
    marginRight: right,
    x: {
      domain: epochs > 1 ? [1, epochs] : [0.5, 1.5],
      ticks: epochTicks(epochs),
      tickFormat: (epoch: number) => formatCount(epoch),
      label: "epoch",
      labelAnchor: "center",
      labelArrow: "none",
    },
    y: {
      domain,
      nice: true,
      grid: true,
      ticks: 6,
      label: quantity.unit,
      labelArrow: "none",
    },
    marks: [
      ...curves.flatMap((curve) => curveMarks(curve, quantity)),
      ...endLabels(curves, names, domain[1] - domain[0]),
    ],
  };
  return drawPlot(options, describe(quantity, curves));
}

function curveMarks(curve: Curve, quantity: Quantity): Plot.Markish[] {
  const line = { x: "epoch", y: "value", stroke: curve.style.color } as const;
  const dotted = (points: readonly Point[]) =>
    points.filter((point, i) =>
      Number.isFinite(point.value) &&
      (points.length <= DOTTED_EPOCHS || isAlone(points, i))
    );
  const title = (split: string) => (point: Point) =>
    `${curve.name}, epoch ${point.epoch}: ${split} ${
      formatFixed(point.value, quantity.decimals)
    }`;
  const dots = { x: "epoch", y: "value", fill: curve.style.color } as const;
  return [
    Plot.lineY(curve.train, {
      ...line,
      strokeWidth: curve.style.width * 0.75,
      strokeDasharray: "5 4",
    }),
    Plot.dot(dotted(curve.train), {
      ...dots,
      r: 1.5,
      title: title("training"),
    }),
    Plot.lineY(curve.validation, { ...line, strokeWidth: curve.style.width }),
    Plot.dot(dotted(curve.validation), {
      ...dots,
      r: 2.5,
      title: title("validation"),
    }),
  ];
}

/** Whether a point has no neighbour to draw a line to. */
function isAlone(points: readonly Point[], i: number): boolean {
  return [points[i - 1], points[i + 1]].every((neighbour) =>
    neighbour === undefined || !Number.isFinite(neighbour.value)
  );
}

/** A symbol at the end of each run's main curve, its name beside it. */
function endLabels(
  curves: readonly Curve[],
  names: readonly string[],
  span: number,
): Plot.Markish[] {
  const ends = curves.flatMap((curve, i) => {
    const end = lastPoint(curve.validation) ?? lastPoint(curve.train);
    return end === undefined ? [] : [{ ...end, curve, name: names[i] }];
  });
  const gap = LINE_HEIGHT * span / (HEIGHT - MARGIN.top - MARGIN.bottom);
  const spread = spreadApart(ends.map((end) => end.value), gap);
  return ends.flatMap((end, i) => [
    Plot.dot([end], {
      x: "epoch",
      y: "value",
      symbol: end.curve.style.symbol,
      fill: end.curve.style.color,
      r: 4.5,
    }),
    Plot.text([{ ...end, value: spread[i] }], {
      x: "epoch",
      y: "value",
      text: "name",
      dx: 10,
      textAnchor: "start",
      fill: end.curve.style.color,
      fontWeight: end.curve.style.symbol === "circle" ? 700 : 400,
      clip: false,
    }),
  ]);
}

/**
 * Moves values up, from the lowest, until neighbours are a gap apart, then the
 * whole of each crowd down by half of what it moved.
 */
function spreadApart(values: readonly number[], gap: number): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const out = [...values];
  let start = 0;
  for (let k = 1; k <= order.length; k++) {
    const below = out[order[k - 1]];
    if (k < order.length && out[order[k]] < below + gap) {
      out[order[k]] = below + gap;
      continue;
    }
    const crowd = order.slice(start, k);
    const moved = crowd.reduce((sum, i) => sum + out[i] - values[i], 0);
    for (const i of crowd) out[i] -= moved / crowd.length;
    start = k;
  }
  return out;
}

function lastPoint(points: readonly Point[]): Point | undefined {
  return points.findLast((point) => Number.isFinite(point.value));
}

/** Whole epochs, not too many. */
export function epochTicks(epochs: number): number[] {
  const wanted = epochs / 8;
  const power = 10 ** Math.floor(Math.log10(Math.max(1, wanted)));
  const step = [1, 2, 5, 10].find((n) => n * power >= wanted)! * power;
  const ticks = [1];
  for (let epoch = step; epoch <= epochs; epoch += step) {
    if (epoch > 1) ticks.push(epoch);
  }
  // Too close to the second to be read.
  return step > 4 || step === 1
    ? ticks
    : ticks.filter((t) => t !== 1 || epochs === 1);
}

function describe(quantity: Quantity, curves: readonly Curve[]): string {
  const value = (point: Point | undefined) =>
    formatFixed(point?.value ?? NaN, quantity.decimals);
  const parts = curves.map((curve) => {
    const validated = lastPoint(curve.validation) !== undefined;
    const points = validated ? curve.validation : curve.train;
    const first = points.find((point) => Number.isFinite(point.value));
    return `${curve.name}: ${validated ? "validation" : "training"} ` +
      `from ${value(first)} to ${value(lastPoint(points))}`;
  });
  return `${quantity.title} (${quantity.unit}) by epoch. ${parts.join("; ")}.`;
}
