import { csvLink } from "./csv.ts";
import {
  formatCount,
  formatFixed,
  formatNumber,
  formatPlural,
  formatShare,
  wilsonInterval,
} from "./format.ts";
import { type Html, html } from "./html.ts";
import type { Fact, ReportedRun } from "./reported.ts";

/** The result in a sentence, the table of runs, and what it rests on. */
export function resultSection(
  runs: readonly ReportedRun[],
  highlighted: ReportedRun,
  facts: readonly Fact[],
  classes: number,
): Html {
  return html`
    <section>
      <h2>Result</h2>
      <p class="lead">${resultSentence(runs, highlighted)}</p>
      <div class="scroll" tabindex="0" role="region" aria-label="Runs">
        ${table(runs, highlighted, classes > 5)}
      </div>
      <p class="note">${[
        "The interval is Wilson’s at 95 %, over the test images.",
        runs.length > 1 &&
        " ▸ marks the run that the rest of this page is about.",
      ]} ${csvLink(toTable(runs))}</p>
      ${factList(facts)}
    </section>
  `;
}

/** Labels and values, side by side. */
export function factList(facts: readonly Fact[]): Html {
  if (facts.length === 0) return html``;
  return html`<dl>${
    facts.map(([label, value]) =>
      html`
        <div>
          <dt>${label}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

/** How good the highlighted run is, and how it stands to the others. */
export function resultSentence(
  runs: readonly ReportedRun[],
  highlighted: ReportedRun,
): string {
  const { name, test, trainable } = highlighted;
  const images = formatPlural(test.count, "test image");
  if (!Number.isFinite(test.top1)) {
    return `${name} has no test accuracy: its result on ${images} is not a number.`;
  }
  const first = `${name} names ${formatShare(test.top1)} % of ${images} ` +
    `correctly and trains ${formatCount(trainable)} parameters`;
  const others = runs.filter((run) =>
    run !== highlighted && Number.isFinite(run.test.top1)
  );
  if (others.length === 0) return `${first}.`;
  if (others.length > 3) {
    const best = others.toSorted((a, b) => b.test.top1 - a.test.top1)[0];
    return `${first}: ${comparison(highlighted, best)}, ` +
      `the best of the other ${others.length}.`;
  }
  const compared = others.map((run) => comparison(highlighted, run));
  return `${first}: ${listed(compared)}.`;
}

function comparison(run: ReportedRun, other: ReportedRun): string {
  // As in the table, so that the reader can check the subtraction.
  const points = Number(formatShare(run.test.top1)) -
    Number(formatShare(other.test.top1));
  const size = formatFixed(Math.abs(points), 1);
  const share = formatNumber(run.trainable / other.trainable * 100);
  const fewer = run.trainable < other.trainable / 2
    ? ` with ${share} % of its parameters`
    : "";
  if (size === "0.0") return `level with ${other.name}${fewer}`;
  const side = points > 0 ? "above" : "below";
  return `${size} points ${side} ${other.name}${fewer}`;
}

function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

function table(
  runs: readonly ReportedRun[],
  highlighted: ReportedRun,
  withTop5: boolean,
): Html {
  const columns = toColumns(withTop5, runs.some((run) => run.note));
  return html`
    <table class="runs">
      <thead>
        <tr>
          <th scope="col">run</th>
          ${columns.map(({ head, text }) =>
            html`<th scope="col" class="${!text && "number"}">${
              head.map((part) =>
                html`
                  <span>${part}</span>
                `
              )
            }</th>`
          )}
        </tr>
      </thead>
      <tbody>${runs.map((run) =>
        row(run, run === highlighted, columns)
      )}</tbody>
    </table>
  `;
}

interface Column {
  /** Breaks between its parts if it must. */
  readonly head: readonly string[];
  readonly text?: boolean;
  readonly main?: boolean;
  readonly value: (run: ReportedRun) => string;
}

/** What matters first, so that a narrow screen shows it without scrolling. */
function toColumns(withTop5: boolean, withNote: boolean): Column[] {
  const top5: Column = {
    head: ["top-5, %"],
    value: ({ test }) => formatShare(test.top5),
  };
  const note: Column = {
    head: ["setting"],
    text: true,
    value: ({ note = "" }) => note,
  };
  return [
    { head: ["trainable"], value: (run) => formatCount(run.trainable) },
    {
      head: ["test", "top-1, %"],
      main: true,
      value: ({ test }) => formatShare(test.top1),
    },
    { head: ["95 %", "interval"], value: ({ test }) => interval(test) },
    ...(withTop5 ? [top5] : []),
    {
      head: ["mean per", "class, %"],
      value: ({ test }) => formatShare(test.meanPerClass),
    },
    { head: ["test", "loss"], value: ({ test }) => formatFixed(test.loss, 3) },
    { head: ["time, s"], value: (run) => formatFixed(run.seconds, 1) },
    { head: ["epochs"], value: (run) => formatCount(run.epochs.length) },
    {
      head: ["learning", "rate"],
      value: (run) => formatNumber(run.learningRate),
    },
    ...(withNote ? [note] : []),
  ];
}

function interval({ top1, count }: ReportedRun["test"]): string {
  const [low, high] = wilsonInterval(top1, count);
  if (!Number.isFinite(low + high)) return formatShare(NaN);
  return `${formatShare(low)} to ${formatShare(high)}`;
}

function row(
  run: ReportedRun,
  highlighted: boolean,
  columns: readonly Column[],
): Html {
  return html`
    <tr class="${highlighted && "highlighted"}">
      <th scope="row">
        <span class="mark" aria-hidden="true">${highlighted && "▸"}</span>${run
          .name}
      </th>
      ${columns.map(({ text, main, value }) =>
        html`<td class="${!text && "number"} ${main && "result"}">${
          value(run)
        }</td>`
      )}
    </tr>
  `;
}

function toTable(runs: readonly ReportedRun[]): Parameters<typeof csvLink>[0] {
  return {
    file: "runs.csv",
    columns: [
      "run",
      "setting",
      "trainable",
      "learning rate",
      "epochs",
      "seconds",
      "test images",
      "test top-1",
      "test top-5",
      "test mean per class",
      "test loss",
    ],
    rows: runs.map((run) => [
      run.name,
      run.note,
      run.trainable,
      run.learningRate,
      run.epochs.length,
      run.seconds,
      run.test.count,
      run.test.top1,
      run.test.top5,
      run.test.meanPerClass,
      run.test.loss,
    ]),
  };
}
