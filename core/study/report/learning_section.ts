import * as Plot from "@observablehq/plot";
import { csvLink } from "../csv.ts";
import { epochTicks } from "../curve_chart.ts";
import { clip, formatCount, formatFixed } from "../format.ts";
import { type Html, html } from "../html.ts";
import { drawPlot } from "../plot.ts";
import { legend } from "./pareto_section.ts";
import { bestOf, type StudySetting, type StudyTable } from "./study_cells.ts";
import { type Group, groupsOf, type Marks } from "./words.ts";

const WIDTH = 520;
const HEIGHT = 320;

interface Point {
  readonly epoch: number;
  /** Top-1 in per cent, mean over seeds. */
  readonly value: number;
}

interface Curve {
  readonly setting: StudySetting;
  readonly group: Group;
  readonly points: readonly Point[];
}

/** Accuracy epoch by epoch, mean over seeds, of every setting. */
export function learningSection(table: StudyTable, marks: Marks): Html {
  const groups = groupsOf(table);
  const validated = table.settings.some(({ mean }) =>
    mean.runs.some(({ epochs }) =>
      epochs.some(({ validationTop1 }) => validationTop1 !== undefined)
    )
  );
  const figures = [...table.datasets].map(([data, title]) => {
    const curves = groups.flatMap((group) =>
      group.settings.map((setting) => ({
        setting,
        group,
        points: pointsOf(setting, data, validated),
      }))
    ).filter(({ points }) => points.length > 0);
    return curves.length === 0 ? undefined : html`
      <figure class="${marks.task(data)}">
        <h3>${title}</h3>
        <div class="scroll" tabindex="0" role="region" aria-label="${`Learning curves, ${title}`}">
          ${chart(title, curves, { table, marks, validated })}
        </div>
        <figcaption>${csvLink(fileOf(title, curves))}</figcaption>
      </figure>
    `;
  }).filter((made) => made !== undefined);
  if (figures.length === 0) return html``;
  return html`
    <section id="curves">
      <h2>Learning curves</h2>
      <p class="note">Top-1 in per cent on the ${validated
        ? "validation images"
        : "training images as they were augmented, for there are none to validate on"}, mean over the seeds that got there. The best setting by test accuracy${table
        .baseline && " and the baseline are"}${!table.baseline &&
        " is"} drawn thicker and named.</p>
      ${legend(groups, marks)}
      <div class="pair">${figures}</div>
    </section>
  `;
}

function pointsOf(
  { cells }: StudySetting,
  data: string,
  validated: boolean,
): Point[] {
  const records = (cells.get(data)?.runs ?? []).flatMap(({ epochs }) => epochs);
  return [...Map.groupBy(records, ({ epoch }) => epoch)].map(
    ([epoch, own]) => {
      const values = own.flatMap(({ validationTop1, trainTop1 }) => {
        const value = validated ? validationTop1 : trainTop1;
        return value === undefined ? [] : [value * 100];
      });
      const value = values.reduce((a, b) => a + b, 0) / values.length;
      return { epoch, value };
    },
  ).filter(({ value }) => Number.isFinite(value))
    .sort((a, b) => a.epoch - b.epoch);
}

function chart(
  title: string,
  curves: readonly Curve[],
  { table, marks, validated }: {
    table: StudyTable;
    marks: Marks;
    validated: boolean;
  },
): Html {
  const best = bestOf(table.settings);
  const named = [best, table.baseline].flatMap((setting) =>
    curves.filter((curve) => curve.setting.index === setting?.index)
  );
  const distinct = [...new Set(named)];
  const last = Math.max(
    ...curves.flatMap(({ points }) => points.map(({ epoch }) => epoch)),
  );
  const labels = distinct.map(({ setting }) => clip(setting.name, 26));
  const at = { x: "epoch", y: "value" } as const;
  const line = (curve: Curve) => {
    const thick = distinct.includes(curve);
    const { color } = curve.group.style;
    const className = marks.method(curve.setting.method);
    return [
      Plot.line(curve.points, {
        ...at,
        stroke: color,
        strokeWidth: thick ? 3 : 1.25,
        strokeOpacity: thick ? 1 : 0.6,
        className,
      }),
      Plot.dot(curve.points.length > 30 ? [] : curve.points, {
        ...at,
        fill: color,
        r: thick ? 3.5 : 2,
        title: ({ epoch, value }: Point) =>
          `${curve.setting.name}, epoch ${epoch}: ${formatFixed(value, 1)} %`,
        className,
      }),
    ];
  };
  const thin = curves.filter((curve) => !distinct.includes(curve));
  return drawPlot({
    width: WIDTH,
    height: HEIGHT,
    marginTop: 30,
    marginBottom: 40,
    marginLeft: 44,
    marginRight: 14,
    x: {
      domain: last > 1 ? [1, last] : [0.5, 1.5],
      ticks: epochTicks(last),
      tickFormat: (epoch: number) => formatCount(epoch),
      label: "epoch",
      labelAnchor: "center",
      labelArrow: "none",
    },
    y: {
      label: `${validated ? "validation" : "training"} top-1, %`,
      labelArrow: "none",
      grid: true,
      nice: true,
      ticks: 6,
    },
    marks: [
      ...thin.flatMap(line),
      ...distinct.toReversed().flatMap(line),
      ...distinct.map((curve, i) =>
        Plot.text(curve.points.slice(-1), {
          ...at,
          text: () => labels[i],
          textAnchor: "end",
          dx: -6,
          dy: labelShift(distinct, i),
          fontWeight: 700,
          fontSize: 13,
          fill: curve.group.style.color,
          stroke: "var(--ground)",
          strokeWidth: 5,
          className: marks.method(curve.setting.method),
        })
      ),
    ],
  }, describe(title, curves));
}

/** Above the upper of two curves, below the lower. */
function labelShift(named: readonly Curve[], i: number): number {
  const ends = named.map(({ points }) => points.at(-1)!.value);
  const upper = ends[i] === Math.max(...ends) &&
    ends.indexOf(ends[i]) === i;
  return upper ? -14 : 16;
}

function describe(title: string, curves: readonly Curve[]): string {
  const parts = curves.map(({ setting, points }) =>
    `${setting.name} from ${formatFixed(points[0].value, 1)} to ${
      formatFixed(points.at(-1)!.value, 1)
    }`
  );
  return `Top-1 in per cent by epoch, ${title}. ${parts.join("; ")}.`;
}

function fileOf(
  title: string,
  curves: readonly Curve[],
): Parameters<typeof csvLink>[0] {
  return {
    file: `curves-${title.replaceAll(/[^\w]+/g, "-")}.csv`,
    columns: ["setting", "epoch", "top-1"],
    rows: curves.flatMap(({ setting, points }) =>
      points.map((
        { epoch, value },
      ) => [setting.name, epoch, Number((value / 100).toPrecision(9))])
    ),
  };
}
