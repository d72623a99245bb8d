import * as Plot from "@observablehq/plot";
import { csvLink } from "../csv.ts";
import { formatShare } from "../format.ts";
import { type Html, html } from "../html.ts";
import { drawPlot } from "../plot.ts";
import type { StudyCell, StudySetting, StudyTable } from "./study_cells.ts";
import { cellText, type Marks, missingText } from "./words.ts";

const [ROWS, COLUMNS] = ["experts", "rank"];
const CELL = { width: 74, height: 46 };
const MARGIN = { left: 62, top: 44, right: 6, bottom: 6 };

interface HeatCell {
  readonly row: number;
  readonly column: number;
  readonly cell: StudyCell;
  readonly name: string;
}

interface HeatMap {
  readonly title: string;
  /** The class by which a filter finds it; empty for the mean. */
  readonly mark: string;
  readonly cells: readonly HeatCell[];
}

/** Accuracy by experts and rank; nothing unless the study varies both. */
export function heatSection(table: StudyTable, marks: Marks): Html {
  const maps = mapsOf(table, marks);
  if (maps.length === 0) return html``;
  return html`
    <section id="experts-by-rank">
      <h2>What one more expert or one more rank buys</h2>
      <p class="note">Test top-1 in per cent, ± one standard deviation over
        seeds. A stronger colour is better, from the worst to the best of each map, whose
        best is framed.</p>
      <div class="maps">${maps.map((map) =>
        html`
          <figure class="${map.mark}">
            <h3>${map.title}</h3>
            <div class="scroll" tabindex="0" role="region" aria-label="${`Heat map, ${map.title}`}">
              ${heatChart(map)}
            </div>
            <figcaption>${csvLink(fileOf(map))}</figcaption>
          </figure>
        `
      )}</div>
    </section>
  `;
}

/** One per data set and their mean, for each way to set the other axes. */
function mapsOf(table: StudyTable, marks: Marks): HeatMap[] {
  const { settings, axes, datasets } = table;
  if (!axes.includes(ROWS) || !axes.includes(COLUMNS)) return [];
  const both = settings.filter(({ values }) =>
    typeof values.get(ROWS) === "number" &&
    typeof values.get(COLUMNS) === "number"
  );
  const several = new Set(both.map(({ method }) => method)).size > 1;
  const rest = axes.filter((name) =>
    name !== ROWS && name !== COLUMNS && (name !== "method" || several)
  );
  const groups = Map.groupBy(
    both,
    ({ values }) =>
      rest.flatMap((name) =>
        values.has(name)
          ? [
            name === "method"
              ? values.get(name)
              : `${name} ${values.get(name)}`,
          ]
          : []
      ).join(", "),
  );
  const views = [
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
  return [...groups].flatMap(([more, own]) =>
    views.map(({ title, mark, cellOf }) => ({
      title: more === "" ? title : `${title} · ${more}`,
      mark: `${mark} ${marks.method(own[0].method)}`.trim(),
      cells: own.map((setting) => ({
        row: Number(setting.values.get(ROWS)),
        column: Number(setting.values.get(COLUMNS)),
        cell: cellOf(setting),
        name: setting.name,
      })),
    }))
  );
}

function heatChart({ title, cells }: HeatMap): Html {
  const sorted = (values: number[]) =>
    [...new Set(values)].sort((a, b) => a - b);
  const rows = sorted(cells.map(({ row }) => row));
  const columns = sorted(cells.map(({ column }) => column));
  const done = cells.filter(({ cell }) => cell.count > 0);
  const means = done.map(({ cell }) => cell.mean);
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const strength = ({ cell }: HeatCell) =>
    0.1 + 0.85 * (high > low ? (cell.mean - low) / (high - low) : 0.5);
  const at = { x: "column", y: "row" } as const;
  const title_ = ({ name, cell }: HeatCell) => `${name}: ${cellText(cell)}`;
  const numbers = (data: HeatCell[], fill: string) => [
    Plot.text(data, {
      ...at,
      text: ({ cell }: HeatCell) => formatShare(cell.mean),
      dy: data.some(({ cell }) => cell.std !== undefined) ? -7 : 0,
      fontSize: 15,
      fontWeight: 600,
      fill,
    }),
    Plot.text(data.filter(({ cell }) => cell.std !== undefined), {
      ...at,
      text: ({ cell }: HeatCell) => `± ${formatShare(cell.std!)}`,
      dy: 10,
      fontSize: 11,
      fill,
    }),
  ];
  const missing = cells.filter(({ cell }) => cell.count === 0);
  const width = MARGIN.left + MARGIN.right + columns.length * CELL.width;
  return drawPlot({
    width,
    height: MARGIN.top + MARGIN.bottom + rows.length * CELL.height,
    marginLeft: MARGIN.left,
    marginTop: MARGIN.top,
    marginRight: MARGIN.right,
    marginBottom: MARGIN.bottom,
    opacity: { type: "identity" },
    x: { domain: columns, axis: null, padding: 0.05 },
    y: { domain: rows, axis: null, padding: 0.05 },
    marks: [
      Plot.axisX({ anchor: "top", label: null, tickSize: 0, fontSize: 13 }),
      Plot.axisY({ label: null, tickSize: 0, fontSize: 13 }),
      Plot.text([COLUMNS], {
        frameAnchor: "top",
        dy: 10 - MARGIN.top,
        fontStyle: "italic",
        fontSize: 13,
      }),
      Plot.text([ROWS], {
        frameAnchor: "left",
        dx: 12 - MARGIN.left,
        rotate: -90,
        textAnchor: "middle",
        fontStyle: "italic",
        fontSize: 13,
      }),
      Plot.cell(done, {
        ...at,
        fill: "var(--heat-right)",
        fillOpacity: strength,
        rx: 4,
        title: title_,
      }),
      Plot.cell(missing, {
        ...at,
        fill: "none",
        stroke: "var(--quiet)",
        strokeDasharray: "4 3",
        inset: 1,
        rx: 4,
        title: title_,
      }),
      Plot.cell(done.filter(({ cell }) => cell.mean === high && high > low), {
        ...at,
        fill: "none",
        stroke: "var(--text)",
        strokeWidth: 2.5,
        rx: 4,
      }),
      ...numbers(done.filter((c) => strength(c) < 0.6), "currentColor"),
      ...numbers(done.filter((c) => strength(c) >= 0.6), "var(--on-heat)"),
      Plot.text(missing, {
        ...at,
        text: ({ cell }: HeatCell) => missingText(cell),
        fill: "var(--quiet)",
        fontSize: 11,
      }),
    ],
  }, describe(title, cells));
}

function describe(title: string, cells: readonly HeatCell[]): string {
  const parts = cells.map(({ row, column, cell }) =>
    `${ROWS} ${row}, ${COLUMNS} ${column}: ${cellText(cell)}`
  );
  return `Test top-1 in per cent by experts and rank, ${title}. ` +
    `${parts.join("; ")}.`;
}

function fileOf({ title, cells }: HeatMap): Parameters<typeof csvLink>[0] {
  return {
    file: `experts-by-rank-${title.replaceAll(/[^\w]+/g, "-")}.csv`,
    columns: ["data", ROWS, COLUMNS, "seeds", "top-1", "std"],
    rows: cells.map((
      { row, column, cell },
    ) => [title, row, column, cell.count, cell.mean, cell.std]),
  };
}
