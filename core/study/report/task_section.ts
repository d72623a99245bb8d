import { csvLink } from "../csv.ts";
import { formatCount, formatFixed, formatNumber } from "../format.ts";
import { type Html, html } from "../html.ts";
import type { StudyCell, StudySetting, StudyTable } from "./study_cells.ts";
import {
  cellText,
  formatInterval,
  formatPoints,
  intervalBar,
  type Marks,
  reachOf,
} from "./words.ts";

interface View {
  readonly title: string;
  /** The class by which a filter finds it. */
  readonly mark: string;
  readonly cellOf: (setting: StudySetting) => StudyCell;
}

/** Every setting on every data set, against the baseline. */
export function taskSection(table: StudyTable, marks: Marks): Html {
  const { datasets, baseline } = table;
  const views: View[] = [
    ...datasets.size > 1
      ? [{
        title: `Mean of ${datasets.size} data sets`,
        mark: "total",
        cellOf: ({ mean }: StudySetting) => mean,
      }]
      : [],
    ...[...datasets].map(([data, title]) => ({
      title,
      mark: marks.task(data),
      cellOf: ({ cells }: StudySetting) => cells.get(data)!,
    })),
  ];
  const differences = views.flatMap(({ cellOf }) =>
    table.settings.map((setting) => cellOf(setting).difference)
  );
  return html`
    <section id="tables">
      <h2>Every setting on every data set</h2>
      <p class="note">Test top-1 in per cent after the last epoch, mean ± one
        standard deviation over seeds, the best in bold.${baseline &&
          ` Differences are to ${baseline.name}, in points, over the seeds that both have; a number in brackets counts seeds where some are missing.`}</p>
      ${baseline && method()}
      ${views.map((view) =>
        tableView(view, table, { marks, reach: reachOf(differences) })
      )}
    </section>
  `;
}

function method(): Html {
  return html`
    <details>
      <summary>How the intervals are made</summary>
      <p class="note">Runs are paired: the same seed, and each test image with
        itself. The variance of the mean difference adds up that of the images
        (each a mean over seeds) and that of the seeds (each a mean over
        images), which errs on the wide side; the interval is Student’s at 95 %
        with Welch and Satterthwaite’s degrees of freedom. With one seed only
        the images count. Data sets weigh alike in a mean. Intervals are not
        corrected for looking at many settings: of twenty that are no better
        than the baseline, one may look as if it were.</p>
    </details>
  `;
}

function tableView(
  { title, mark, cellOf }: View,
  { settings, axes, baseline }: StudyTable,
  { marks, reach }: {
    marks: Marks;
    reach: readonly [number, number];
  },
): Html {
  const best = Math.max(...settings.map((setting) => {
    const { mean } = cellOf(setting);
    return Number.isFinite(mean) ? mean : -Infinity;
  }));
  const numeric = axes.filter((name) =>
    settings.some(({ values }) => typeof values.get(name) === "number")
  );
  const head = (name: string, number: boolean) =>
    html`<th scope="col" class="${number && "number"}">${name}</th>`;
  const most = Math.max(...settings.map((setting) => cellOf(setting).count));
  const row = (setting: StudySetting) => {
    const cell = cellOf(setting);
    const { difference } = cell;
    const isBest = cell.mean === best && settings.length > 1;
    const few = cell.count > 0 && cell.count < most ? ` (${cell.count})` : "";
    const [, ...rest] = axes;
    return html`
      <tr class="${marks.method(setting.method)} ${isBest && "highlighted"}">
        <th scope="row"><a href="${`#setting-${setting.index}`}">${setting
          .method}</a></th>
        ${rest.map((name) =>
          html`<td class="${numeric.includes(name) && "number"}">${
            setting.values.get(name) ?? "–"
          }</td>`
        )}
        <td class="number">${formatCount(setting.parameters)}</td>
        <td class="number result">${cellText(cell)}${few}</td>
        ${baseline && html`
          <td class="number">${difference
            ? formatPoints(difference.mean)
            : setting.index === baseline.index
            ? "baseline"
            : "–"}</td>
          <td class="number">${difference
            ? formatInterval(difference)
            : "–"}</td>
          <td>${intervalBar(difference, reach)}</td>
        `}
        <td class="number">${formatFixed(secondsOf(cell), 1)}</td>
      </tr>
    `;
  };
  const [, ...rest] = axes;
  return html`
    <div class="${mark} task">
      <h3>${title}</h3>
      <div class="scroll" tabindex="0" role="region" aria-label="${`Settings, ${title}`}">
        <table class="differences">
          <thead>
            <tr>
            ${head("method", false)}
            ${rest.map((name) => head(name, numeric.includes(name)))}
            ${head("parameters", true)}
            ${head("top-1, %", true)}
            ${baseline && html`
              ${head("points", true)}${head("95 % interval", true)}<th
                scope="col"><span class="unseen">the same as a picture</span></th>
            `}
            ${head("time, s", true)}
          </tr>
          </thead>
          <tbody>${settings.map(row)}</tbody>
        </table>
      </div>
      <p class="note">${csvLink(fileOf(title, settings, { axes, cellOf }))}</p>
    </div>
  `;
}

/** Training time of a run, on average. */
function secondsOf({ runs }: StudyCell): number {
  const times = runs.flatMap(({ result }) => result ? [result.seconds] : []);
  return times.reduce((a, b) => a + b, 0) / times.length;
}

function fileOf(
  title: string,
  settings: readonly StudySetting[],
  { axes, cellOf }: Pick<View, "cellOf"> & Pick<StudyTable, "axes">,
): Parameters<typeof csvLink>[0] {
  return {
    file: `settings-${title.replaceAll(/[^\w]+/g, "-")}.csv`,
    columns: [
      ...axes,
      "parameters",
      "seeds",
      "top-1",
      "std",
      "difference",
      "low",
      "high",
      "seconds",
    ],
    rows: settings.map((setting) => {
      const cell = cellOf(setting);
      const { mean, low, high } = cell.difference ?? {};
      return [
        ...axes.map((name) => setting.values.get(name)),
        setting.parameters,
        cell.count,
        cell.mean,
        cell.std,
        mean,
        low,
        high,
        Number(formatNumber(secondsOf(cell)).replaceAll(",", "")),
      ];
    }),
  };
}
