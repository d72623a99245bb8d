import * as Plot from "@observablehq/plot";
import { csvLink } from "../csv.ts";
import { formatCount, formatPlural, formatShare } from "../format.ts";
import { type Html, html } from "../html.ts";
import { drawPlot } from "../plot.ts";
import type { StudyCell, StudySetting, StudyTable } from "./study_cells.ts";
import { cellText, type Group, groupsOf, type Marks } from "./words.ts";

const WIDTH = 520;
const HEIGHT = 360;
/** Letters of points that differ by less of the chart's height overlap. */
const NEAR = 0.08;

/** A setting with what it does on a data set, or on the mean of all. */
interface Point {
  readonly setting: StudySetting;
  readonly cell: StudyCell;
  readonly parameters: number;
  /** In per cent. */
  readonly top1: number;
  /** `A`, `B`, … along the front; empty for the rest. */
  readonly letter: string;
  /** Whether the letter stands at the right, to be clear of the one before. */
  readonly right: boolean;
}

interface View {
  readonly title: string;
  readonly mark: string;
  readonly cellOf: (setting: StudySetting) => StudyCell;
}

/** Accuracy against trainable parameters, with the Pareto front. */
export function paretoSection(table: StudyTable, marks: Marks): Html {
  const { datasets } = table;
  const views: View[] = [
    ...datasets.size > 1
      ? [{
        title: `mean of ${datasets.size} data sets`,
        mark: "",
        cellOf: ({ mean }: StudySetting) => mean,
      }]
      : [],
    ...[...datasets].map(([data, title]) => ({
      title,
      mark: marks.task(data),
      cellOf: ({ cells }: StudySetting) => cells.get(data)!,
    })),
  ];
  const figures = views.map((view) => figure(view, table, marks))
    .filter((made) => made !== undefined);
  if (figures.length === 0 || table.settings.length < 2) return html``;
  return html`
    <section id="parameters">
      <h2>Accuracy against trainable parameters</h2>
      <p class="note">Higher and further left is better. A thin line is ± one
        standard deviation over seeds. The steps are the Pareto front of all
        settings: no other is as good with as few parameters.</p>
      ${legend(groupsOf(table), marks)}
      <div class="pair">${figures}</div>
    </section>
  `;
}

/** Which colour and symbol is which. */
export function legend(groups: readonly Group[], marks: Marks): Html {
  if (groups.length < 2) return html``;
  return html`
    <ul class="legend">${groups.map(({ name, style, settings }) =>
      html`
        <li class="${marks.method(settings[0].method)}">
          ${key(style)} ${name}
        </li>
      `
    )}</ul>
  `;
}

function key({ color, symbol }: Group["style"]): Html {
  return drawPlot({
    width: 16,
    height: 16,
    margin: 0,
    axis: null,
    x: { domain: [0, 1] },
    y: { domain: [0, 1] },
    marks: [Plot.dot([[0.5, 0.5]], { fill: color, symbol, r: 5 })],
  }, "");
}

function figure(view: View, table: StudyTable, marks: Marks): Html | undefined {
  const points = pointsOf(view, table);
  if (points.length < 2) return undefined;
  const front = points.filter(({ letter }) => letter !== "");
  const file = {
    file: `parameters-${view.title.replaceAll(/[^\w]+/g, "-")}.csv`,
    columns: ["setting", "parameters", "seeds", "top-1", "std", "front"],
    rows: points.map(({ setting, cell, letter }) => [
      setting.name,
      setting.parameters,
      cell.count,
      cell.mean,
      cell.std,
      letter,
    ]),
  };
  return html`
    <figure class="${view.mark}">
      <h3>${view.title}</h3>
      <div class="scroll" tabindex="0" role="region" aria-label="${`Accuracy against parameters, ${view.title}`}">
        ${paretoChart(view, points, { table, marks })}
      </div>
      <figcaption>${csvLink(file)}</figcaption>
      <ol class="front" type="A">${front.map(({ setting, cell }) =>
        html`<li>${setting.name}: ${cellText(cell)} % with ${
          formatPlural(setting.parameters, "parameter")
        }</li>`
      )}</ol>
    </figure>
  `;
}

/** By parameters, the front lettered. */
function pointsOf({ cellOf }: View, { settings }: StudyTable): Point[] {
  const points = settings.map((setting) => ({
    setting,
    cell: cellOf(setting),
    parameters: setting.parameters,
    top1: cellOf(setting).mean * 100,
    letter: "",
    right: false,
  })).filter(({ top1 }) => Number.isFinite(top1))
    .sort((a, b) => a.parameters - b.parameters || b.top1 - a.top1);
  const all = points.map(({ top1 }) => top1);
  const near = NEAR * (Math.max(...all) - Math.min(...all));
  let [before, count]: [Point | undefined, number] = [undefined, 0];
  return points.map((point) => {
    if (before && point.top1 <= before.top1) return point;
    const close = before !== undefined && point.top1 - before.top1 < near &&
      point.parameters < 1.15 * before.parameters;
    const right = close && !before?.right;
    before = { ...point, letter: letterOf(count++), right };
    return before;
  });
}

/** A, …, Z, AA, AB, … as HTML counts. */
function letterOf(index: number): string {
  const letter = String.fromCharCode(65 + index % 26);
  return index < 26 ? letter : letterOf(Math.floor(index / 26) - 1) + letter;
}

function paretoChart(
  { title }: View,
  points: readonly Point[],
  { table, marks }: { table: StudyTable; marks: Marks },
): Html {
  const counts = points.map(({ parameters }) => parameters);
  const least = Math.min(...counts.filter((count) => count > 0));
  const most = Math.max(...counts);
  const zero = counts.includes(0);
  const front = points.filter(({ letter }) => letter !== "");
  const at = { x: "parameters", y: "top1" } as const;
  const spread = ({ cell }: Point, sign: number) =>
    (cell.mean + sign * (cell.std ?? 0)) * 100;
  return drawPlot({
    width: WIDTH,
    height: HEIGHT,
    marginTop: 30,
    marginBottom: 44,
    marginLeft: 44,
    marginRight: 26,
    x: {
      type: zero ? "symlog" : "log",
      constant: zero ? Math.max(1, least) : undefined,
      domain: zero ? [0, most] : undefined,
      ticks: ticksOf(zero ? least : Math.min(...counts), most, zero),
      tickFormat: shortCount,
      label: "trainable parameters, the head left out (logarithmic)",
      labelAnchor: "center",
      labelArrow: "none",
      insetLeft: 16,
      insetRight: 16,
    },
    y: {
      label: "test top-1, %",
      labelArrow: "none",
      grid: true,
      nice: true,
      inset: 10,
      ticks: 6,
    },
    marks: [
      Plot.line([...front, { parameters: most, top1: front.at(-1)?.top1 }], {
        ...at,
        curve: "step-after",
        stroke: "var(--quiet)",
        strokeWidth: 1.5,
      }),
      ...groupsOf(table).flatMap(({ style, settings }) => {
        const own = points.filter(({ setting }) =>
          settings.some(({ index }) => index === setting.index)
        );
        const className = marks.method(settings[0].method);
        return [
          Plot.ruleX(own, {
            x: "parameters",
            y1: (point: Point) => spread(point, -1),
            y2: (point: Point) => spread(point, 1),
            stroke: style.color,
            strokeOpacity: 0.55,
            className,
          }),
          Plot.dot(own, {
            ...at,
            fill: style.color,
            symbol: style.symbol,
            r: (point: Point) => point.letter === "" ? 4.5 : 6,
            stroke: "var(--ground)",
            title: ({ setting, cell }: Point) =>
              `${setting.name}: ${cellText(cell)} %, ` +
              formatPlural(setting.parameters, "parameter"),
            className,
          }),
          ...[false, true].map((right) =>
            Plot.text(own.filter((point) => point.right === right), {
              ...at,
              text: "letter",
              dx: right ? 13 : -11,
              dy: right ? 0 : -11,
              fontWeight: 700,
              fontSize: 13,
              stroke: "var(--ground)",
              strokeWidth: 4,
              fill: "currentColor",
              className,
            })
          ),
        ];
      }),
    ],
    r: { type: "identity" },
  }, describe(title, points));
}

/** Powers of ten; with twos and fives, or even steps, where there are few. */
function ticksOf(least: number, most: number, zero: boolean): number[] {
  const within = (ticks: number[]) =>
    ticks.filter((tick) => tick >= least * 0.999 && tick <= most * 1.001);
  const powers = Array.from({ length: 16 }, (_, i) => 10 ** i);
  const sets = [
    within(powers),
    within(powers.flatMap((power) => [power, 2 * power, 5 * power])),
    within(evenSteps(least, most)),
  ];
  const ticks = sets.find(({ length }) => length >= 3) ?? [most];
  return zero ? [0, ...ticks] : ticks;
}

/** Three to eight multiples of a round number. */
function evenSteps(least: number, most: number): number[] {
  if (least >= most) return [];
  const rough = (most - least) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (rough >= 5 * power ? 5 : rough >= 2 * power ? 2 : 1);
  const first = Math.ceil(least / step);
  const count = Math.floor(most / step) - first + 1;
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}

/** `2.5k`, `85.8M`. */
function shortCount(count: number): string {
  const digits = (value: number) => `${Number(value.toPrecision(3))}`;
  if (count >= 1e6) return `${digits(count / 1e6)}M`;
  return count >= 1e3 ? `${digits(count / 1e3)}k` : formatCount(count);
}

function describe(title: string, points: readonly Point[]): string {
  const parts = points.filter(({ letter }) => letter !== "")
    .map(({ setting, cell, parameters }) =>
      `${setting.name}, ${formatCount(parameters)} parameters, ${
        formatShare(cell.mean)
      } %`
    );
  return `Test top-1 against trainable parameters of ${
    formatPlural(points.length, "setting")
  }, ${title}. On the Pareto front: ${parts.join("; ")}.`;
}
