import { confusionSection } from "./confusion.ts";
import { curvesSection } from "./curves.ts";
import {
  formatCount,
  formatFixed,
  formatNumber,
  formatPlural,
} from "./format.ts";
import { type Html, html } from "./html.ts";
import { reportPage } from "./page.ts";
import type { ReportedMerge, ReportedRun, RunReport } from "./reported.ts";
import { factList, resultSection } from "./result.ts";
import { samplesSection } from "./samples.ts";

export type {
  Fact,
  ReportedMerge,
  ReportedRun,
  ReportedSample,
  RunReport,
} from "./reported.ts";

/**
 * Writes what one or several runs gave as a page that opens from disk: result,
 * curves, merge, confusion matrix, test images, options, commands.
 *
 * @returns An HTML document that loads nothing.
 * @throws {RangeError} If there is no run, the confusion matrix is not as large
 * as the classes are many, or an image is not as large as it says.
 */
export function runReport(report: RunReport): string {
  const { runs, confusion, samples, merge } = report;
  checkReport(report);
  const classes = report.classes.map((name, i) =>
    name.trim() === "" ? `class ${i}` : name
  );
  const highlighted = runs.findLast((run) => run.highlighted) ?? runs.at(-1)!;
  return reportPage({
    title: report.title,
    subtitle: report.subtitle,
    body: [
      resultSection(runs, highlighted, report.facts, classes.length),
      curvesSection(runs, highlighted),
      merge !== undefined && mergeSection(merge),
      confusion.length > 0 && confusionSection(confusion, classes),
      samples.length > 0 && samplesSection(samples, classes),
      optionsSection(report),
      repeatSection(runs, report.repeat),
    ],
  });
}

function checkReport({ runs, classes, confusion }: RunReport): void {
  if (runs.length === 0) {
    throw new RangeError(
      "Cannot write the run report: got no run, wanted at least one",
    );
  }
  if (confusion.length === 0) return;
  const sizes = [confusion.length, ...confusion.map((row) => row.length)];
  const odd = sizes.find((size) => size !== classes.length);
  if (odd === undefined) return;
  throw new RangeError(
    `Cannot write the run report: got a confusion matrix with a side of ${odd}, ` +
      `wanted one per class, ${classes.length}`,
  );
}

function mergeSection(merge: ReportedMerge): Html {
  const faster = merge.mergedImagesPerSecond / merge.unmergedImagesPerSecond;
  return html`
    <section>
      <h2>Merge and inference</h2>
      <p>The adapter is folded into ${formatPlural(
        merge.foldedTensors,
        "backbone tensor",
      )}; the folded model has the plain backbone’s shape and gives the same top class on ${formatCount(
        merge.agreement,
      )} of ${formatPlural(merge.images, "image")}.</p>
      ${factList([
        ["Largest logit difference", formatNumber(merge.largestDifference)],
        [
          "Same top-1",
          `${formatCount(merge.agreement)} of ${formatCount(merge.images)}`,
        ],
        ["Merged", `${formatFixed(merge.mergedImagesPerSecond, 0)} images/s`],
        [
          "Unmerged",
          `${formatFixed(merge.unmergedImagesPerSecond, 0)} images/s`,
        ],
        ["Merged / unmerged speed", `${formatFixed(faster, 2)} ×`],
      ])}
    </section>
  `;
}

function optionsSection({ options = [] }: RunReport): Html {
  if (options.length === 0) return html``;
  return html`
    <section>
      <h2>All options</h2>
      <details open>
        <summary>${formatPlural(options.length, "option")}</summary>
        ${factList(options)}
      </details>
    </section>
  `;
}

function repeatSection(
  runs: readonly ReportedRun[],
  repeat: readonly string[],
): Html {
  const commands = [
    ...repeat.map((command) => ({ title: "", command })),
    ...runs.flatMap(({ name, command }) =>
      command === undefined || repeat.includes(command)
        ? []
        : [{ title: `${name} alone`, command }]
    ),
  ];
  if (commands.length === 0) return html``;
  return html`
    <section>
      <h2>Repeat it</h2>
      ${commands.map(({ title, command }) =>
        html`
          <div class="command">
            ${title !== "" && html`<h3>${title}</h3>`}
            <pre tabindex="0"><code>${command}</code></pre>
          </div>
        `
      )}
    </section>
  `;
}
