import { csvLink } from "../csv.ts";
import { formatCount, formatPlural, formatShare } from "../format.ts";
import { type Html, html } from "../html.ts";
import { factList } from "../result.ts";
import type { Difference } from "./paired.ts";
import type { StudyReport } from "./reported_study.ts";
import {
  bestOf,
  differenceOf,
  seedOf,
  type StudySetting,
  type StudyTable,
} from "./study_cells.ts";
import {
  cellText,
  formatInterval,
  formatPoints,
  intervalBar,
  type Marks,
  reachOf,
  verdictOf,
} from "./words.ts";

/** Which setting is best, by how much, and whether on each data set. */
export function bestSection(
  report: StudyReport,
  table: StudyTable,
  marks: Marks,
): Html {
  const best = bestOf(table.settings);
  return html`
    <section id="result">
      <h2>Result</h2>
      ${best
        ? [
          html`<p class="lead">${bestSentence(table, best)}</p>`,
          nextParagraph(table, best),
          byTask(table, best, marks),
        ]
        : html`<p class="lead">${unfinished(report)}</p>`}
      ${factList(facts(report, table))}
    </section>
  `;
}

/** The best setting in a sentence. */
export function bestSentence(table: StudyTable, best: StudySetting): string {
  const { baseline, datasets } = table;
  const over = datasets.size > 1
    ? ` on the mean of ${datasets.size} data sets`
    : "";
  const first = `${best.name} is best with ${cellText(best.mean)} % of the ` +
    `test images right${over}`;
  const trained = `It trains ${
    formatPlural(best.parameters, "parameter")
  } besides the head.`;
  if (!baseline) return `${first}. ${trained}`;
  if (best.index === baseline.index) {
    return `${first}; nothing is above the baseline. ${trained}`;
  }
  const { difference } = best.mean;
  if (!difference) {
    return `${first}; it cannot be compared with ${baseline.name}. ${trained}`;
  }
  return `${first}, ${byHowMuch(difference)} ${baseline.name}. ${trained}`;
}

function byHowMuch(difference: Difference): string {
  const { mean } = difference;
  const size = formatPoints(Math.abs(mean)).replace("+", "");
  const interval = `(95 % interval ${formatInterval(difference)})`;
  if (size === "0.0") return `level ${interval} with`;
  return `${size} points ${interval} ${mean < 0 ? "below" : "above"}`;
}

/** The same difference seen from the other setting. */
function turned(difference: Difference): Difference {
  const { mean, low, high } = difference;
  return { ...difference, mean: -mean, low: -high, high: -low };
}

function nextParagraph(table: StudyTable, best: StudySetting): Html {
  const { settings } = table;
  const next = bestOf(settings.filter(({ index }) => index !== best.index));
  if (!next) return html``;
  const difference = differenceOf(
    best,
    next,
    table.datasets.size > 1 ? undefined : [...table.datasets.keys()][0],
  );
  const told = difference && verdictOf(difference) !== "level";
  const relation = difference
    ? `${byHowMuch(turned(difference))} it: these images and seeds ${
      told ? "tell the two apart" : "do not tell the two apart"
    }`
    : `with ${cellText(next.mean)} %`;
  const flattered = settings.length > 2 &&
    ` The best of ${settings.length} settings is picked by the test images ` +
      "themselves, which flatters it a little.";
  return html`
    <p>Next is ${next.name}, ${relation}.${flattered}${seedNote(settings)}</p>
  `;
}

/** What few seeds do to the intervals. */
function seedNote(settings: readonly StudySetting[]): string {
  const seeds = Math.max(...settings.map(({ mean }) => mean.count));
  if (seeds < 2) {
    return " With one seed an interval covers the choice of test images, not " +
      "the luck of a seed.";
  }
  return seeds === 2
    ? " Two seeds say little of how seeds differ, which makes intervals wide."
    : "";
}

function byTask(
  { datasets, baseline }: StudyTable,
  best: StudySetting,
  marks: Marks,
): Html {
  if (!baseline || best.index === baseline.index || datasets.size < 2) {
    return html``;
  }
  const rows = [
    ...[...datasets].map(([data, name]) => ({
      name,
      mark: marks.task(data),
      own: best.cells.get(data),
      base: baseline.cells.get(data),
    })),
    {
      name: `mean of ${datasets.size}`,
      mark: "total",
      own: best.mean,
      base: baseline.mean,
    },
  ];
  const reach = reachOf(rows.map(({ own }) => own?.difference));
  const file = {
    file: "best.csv",
    columns: ["data", "best", "baseline", "difference", "low", "high"],
    rows: rows.map(({ name, own, base }) => [
      name,
      own?.mean,
      base?.mean,
      own?.difference?.mean,
      own?.difference?.low,
      own?.difference?.high,
    ]),
  };
  return html`
    <h3>${best.name} against ${baseline.name}, data set by data set</h3>
    <div class="scroll" tabindex="0" role="region"
      aria-label="Best setting by data set">
      <table class="differences">
        <thead>
          <tr>
            <th scope="col">data</th>
            <th scope="col" class="number">best, %</th>
            <th scope="col" class="number">baseline, %</th>
            <th scope="col" class="number">points</th>
            <th scope="col" class="number">95 % interval</th>
            <th scope="col"><span class="unseen">the same as a picture</span></th>
          </tr>
        </thead>
        <tbody>${rows.map(({ name, mark, own, base }) =>
          html`
            <tr class="${mark}">
              <th scope="row">${name}</th>
              <td class="number">${cellText(own)}</td>
              <td class="number">${cellText(base)}</td>
              <td class="number result">${own?.difference
                ? formatPoints(own.difference.mean)
                : "–"}</td>
              <td class="number">${own?.difference
                ? formatInterval(own.difference)
                : "–"}</td>
              <td>${intervalBar(own?.difference, reach)}</td>
            </tr>
          `
        )}</tbody>
      </table>
    </div>
    <p class="note">${csvLink(file)}</p>
  `;
}

function unfinished({ runs }: StudyReport): string {
  const done = runs.filter(({ state }) => state === "done").length;
  return done === 0
    ? "No run is done yet."
    : "No setting is done on every data set yet.";
}

function facts(
  { runs }: StudyReport,
  { datasets, settings, baseline }: StudyTable,
): [string, string][] {
  const of = (state: string) =>
    runs.filter((run) => run.state === state).length;
  const left = runs.length - of("done") - of("failed");
  const parts = [
    `${formatCount(of("done"))} done`,
    ...of("failed") ? [`${formatCount(of("failed"))} failed`] : [],
    ...left ? [`${formatCount(left)} pending`] : [],
  ];
  const seeds = new Set(runs.map(seedOf)).size;
  const images = [...datasets].flatMap(([hash, name]) => {
    const run = runs.find(({ origin, result }) =>
      result && origin.data.hash === hash
    );
    return run?.result ? [`${name} ${formatCount(run.result.test.count)}`] : [];
  });
  const backbones = new Set(runs.map(({ origin }) => origin.backbone.source));
  const chance = runs.flatMap(({ result }) =>
    result ? [1 / result.classes] : []
  );
  return [
    ["Runs", parts.join(", ")],
    ["Settings", formatCount(settings.length)],
    ["Seeds", formatCount(seeds)],
    ["Test images", images.join(", ") || "–"],
    ["Backbone", [...backbones].join(", ")],
    ...baseline ? [["Baseline", baseline.name] as [string, string]] : [],
    ...chance.length && datasets.size === 1
      ? [["Guessing", `${formatShare(chance[0])} %`] as [string, string]]
      : [],
  ];
}
