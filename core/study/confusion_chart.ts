import * as Plot from "@observablehq/plot";
import { clip, formatCount, formatPlural, formatShare } from "./format.ts";
import type { Html } from "./html.ts";
import { drawPlot } from "./plot.ts";

/** Images of one class that were said to be of one class; at least one. */
export interface ConfusionCell {
  readonly label: number;
  readonly prediction: number;
  readonly count: number;
  /** Of the label's images, in [0, 1]. */
  readonly share: number;
}

const LARGEST_COUNTED = 24;
const LONGEST_NAME = 16;
/** Width of a letter as a share of the font's size, on average. */
const LETTER = 0.62;

/** Sizes in pixels, except for `upright`. */
interface ConfusionLayout {
  readonly width: number;
  readonly height: number;
  readonly cell: number;
  readonly font: number;
  readonly left: number;
  readonly top: number;
  /** Whether names fit above their columns without being turned. */
  readonly upright: boolean;
}

/** How large the chart is. */
export function confusionLayout(classes: readonly string[]): ConfusionLayout {
  const cell = cellSize(classes.length);
  const font = cell >= 14 ? 12 : 9;
  const letters = classes.map((name) => [...clip(name, LONGEST_NAME)].length);
  const longest = Math.max(...letters) * font * LETTER;
  const upright = longest < cell;
  const left = longest + 36;
  const top = (upright ? 18 : longest + 14) + 26;
  const side = cell * classes.length;
  const width = Math.ceil(left + side + 12);
  const height = Math.ceil(top + side + 8);
  return { width, height, cell, font, left, top, upright };
}

/**
 * Draws a confusion matrix as a heat map, shares of rows as colours, counts as
 * numbers where they have room.
 */
export function confusionChart(
  cells: readonly ConfusionCell[],
  classes: readonly string[],
): Html {
  const layout = confusionLayout(classes);
  const { cell, font, left, top, upright } = layout;
  const names = classes.map((name) => clip(name, LONGEST_NAME));
  const indices = classes.map((_, i) => i);
  const axis = { tickSize: 0, label: null, fontSize: font } as const;
  const scale = { domain: indices, padding: cell > 14 ? 0.06 : 0 };
  const tickFormat = (i: number) => names[i];
  return drawPlot({
    width: layout.width,
    height: layout.height,
    marginLeft: left,
    marginTop: top,
    marginRight: 12,
    marginBottom: 8,
    opacity: { type: "identity" },
    x: { ...scale, axis: null },
    y: { ...scale, axis: null },
    marks: [
      Plot.frame({ stroke: "var(--rule)" }),
      Plot.axisX({
        ...axis,
        anchor: "top",
        tickFormat,
        tickRotate: upright ? 0 : -90,
      }),
      Plot.axisY({ ...axis, tickFormat }),
      Plot.text(["prediction"], {
        frameAnchor: "top-left",
        dy: 12 - top,
        fontStyle: "italic",
      }),
      Plot.text(["label"], {
        frameAnchor: "top-left",
        dx: 12 - left,
        rotate: -90,
        dy: 0,
        textAnchor: "end",
        fontStyle: "italic",
      }),
      ...cellMarks(cells, classes),
    ],
  }, describe(cells, classes));
}

function cellMarks(
  cells: readonly ConfusionCell[],
  classes: readonly string[],
): Plot.Markish[] {
  const at = { x: "prediction", y: "label" } as const;
  const isRight = (cell: ConfusionCell) => cell.label === cell.prediction;
  // Single mistakes would be invisible on a linear scale.
  const strength = (cell: ConfusionCell) => 0.06 + 0.94 * Math.sqrt(cell.share);
  const title = (cell: ConfusionCell) => sentence(cell, classes);
  const squares = (data: readonly ConfusionCell[], fill: string) =>
    Plot.cell(data, { ...at, fill, fillOpacity: strength, title });
  const marks = [
    squares(cells.filter(isRight), "var(--heat-right)"),
    squares(cells.filter((cell) => !isRight(cell)), "var(--heat-wrong)"),
  ];
  if (classes.length > LARGEST_COUNTED) return marks;
  const counts = (data: readonly ConfusionCell[], fill: string) =>
    Plot.text(data, {
      ...at,
      text: (cell: ConfusionCell) => formatCount(cell.count),
      fill,
      pointerEvents: "none",
    });
  return [
    ...marks,
    counts(cells.filter((c) => strength(c) < 0.62), "currentColor"),
    counts(cells.filter((c) => strength(c) >= 0.62), "var(--on-heat)"),
  ];
}

/** In pixels. */
function cellSize(classes: number): number {
  if (classes <= 4) return 88;
  if (classes <= 12) return 44;
  if (classes <= LARGEST_COUNTED) return 32;
  return classes <= 60 ? 15 : 10;
}

function describe(
  cells: readonly ConfusionCell[],
  classes: readonly string[],
): string {
  const count = (some: readonly ConfusionCell[]) =>
    some.reduce((total, cell) => total + cell.count, 0);
  const right = cells.filter((cell) => cell.label === cell.prediction);
  const worst = cells.filter((cell) => cell.label !== cell.prediction)
    .sort((a, b) => b.count - a.count).slice(0, 3);
  const size = formatPlural(classes.length, "class", "classes");
  return `Confusion matrix of ${size}. ${formatCount(count(right))} of ` +
    `${formatPlural(count(cells), "image")} are on the diagonal. ` +
    worst.map((cell) => `${sentence(cell, classes)}.`).join(" ");
}

function sentence(cell: ConfusionCell, classes: readonly string[]): string {
  const relation = cell.label === cell.prediction
    ? "recognized"
    : `taken for ${classes[cell.prediction]}`;
  return `${classes[cell.label]} ${relation}: ${
    formatPlural(cell.count, "image")
  }, ${formatShare(cell.share)} %`;
}
