import type { EpochRecord } from "../train/records.ts";
import { csvLink, type Table } from "./csv.ts";
import {
  type Curve,
  curveChart,
  curveStyle,
  type Point,
  type Quantity,
} from "./curve_chart.ts";
import { formatFixed } from "./format.ts";
import { type Html, html } from "./html.ts";
import type { ReportedRun } from "./reported.ts";

interface Measure extends Quantity {
  readonly file: string;
  readonly caption: string;
  readonly train: (record: EpochRecord) => number | undefined;
  readonly validation: (record: EpochRecord) => number | undefined;
}

const LOSS: Measure = {
  title: "Loss",
  unit: "cross-entropy",
  file: "loss.csv",
  decimals: 3,
  domain: (values) => [0, Math.max(...values)],
  train: (record) => record.trainLoss,
  validation: (record) => record.validationLoss,
  caption:
    "Lower is better. Training loss is taken while the weights still change, with the run's label smoothing and augmentation; validation loss has neither.",
};

const ACCURACY: Measure = {
  title: "Accuracy",
  unit: "top-1, %",
  file: "accuracy.csv",
  decimals: 1,
  domain: (values) => [
    Math.max(0, Math.floor(Math.min(...values) / 10) * 10),
    Math.min(100, Math.ceil(Math.max(...values) / 10) * 10),
  ],
  train: (record) => record.trainTop1 * 100,
  validation: (record) => scaled(record.validationTop1, 100),
  caption:
    "Higher is better. Training accuracy is taken while the weights still change, on images as the run augments them.",
};

/**
 * The loss and the accuracy of every run, epoch by epoch.
 *
 * @param runs Those without an epoch are left out.
 * @param highlighted Drawn last and thicker.
 */
export function curvesSection(
  runs: readonly ReportedRun[],
  highlighted: ReportedRun,
): Html {
  const trained = runs.filter((run) => run.epochs.length > 0);
  if (trained.length === 0) {
    return html`
      <section>
        <h2>Curves</h2>
        <p>No epoch was trained.</p>
      </section>
    `;
  }
  const validated = trained.some((run) =>
    run.epochs.some((record) => record.validationTop1 !== undefined)
  );
  return html`
    <section>
      <h2>Curves</h2>
      <p class="legend">
        ${validated && html`<span>${lineKey(false)} validation</span>`}
        <span>${lineKey(true)} training</span>
        ${!validated && html`<span>There is no validation split.</span>`}
      </p>
      <div class="pair">
        ${[LOSS, ACCURACY].map((measure) =>
          figure(measure, trained, highlighted)
        )}
      </div>
    </section>
  `;
}

function lineKey(dashed: boolean): Html {
  return html`
    <svg class="key" width="34" height="10" aria-hidden="true">
      <line x1="1" y1="5" x2="33" y2="5" stroke="currentColor" stroke-width="2"
        stroke-dasharray="${dashed ? "5 4" : "none"}" />
    </svg>
  `;
}

function figure(
  measure: Measure,
  runs: readonly ReportedRun[],
  highlighted: ReportedRun,
): Html {
  const curves = toCurves(measure, runs, highlighted);
  const table = toTable(measure, curves);
  return html`
    <figure>
      <h3>${measure.title}</h3>
      <div class="scroll" tabindex="0" role="region"
        aria-label="${measure.title} by epoch">
        ${curveChart(measure, curves)}
      </div>
      <figcaption>${measure.caption} ${csvLink(table)}</figcaption>
      <details>
        <summary>${measure.title} in numbers</summary>
        ${numbers(measure, table)}
      </details>
    </figure>
  `;
}

/** The highlighted run's curve comes last. */
function toCurves(
  measure: Measure,
  runs: readonly ReportedRun[],
  highlighted: ReportedRun,
): Curve[] {
  const others = runs.filter((run) => run !== highlighted);
  const last = runs.filter((run) => run === highlighted);
  return [...others, ...last].map((run, i) => ({
    name: run.name,
    style: curveStyle(run === highlighted ? undefined : i),
    train: toPoints(run.epochs, measure.train),
    validation: toPoints(run.epochs, measure.validation),
  }));
}

/** A value that was not measured is no point; one that is not finite is NaN. */
function toPoints(
  records: readonly EpochRecord[],
  valueOf: Measure["train"],
): Point[] {
  return records.flatMap((record) => {
    const value = valueOf(record);
    if (value === undefined) return [];
    return [{
      epoch: record.epoch,
      value: Number.isFinite(value) ? value : NaN,
    }];
  });
}

function toTable(measure: Measure, curves: readonly Curve[]): Table {
  const rows = curves.toReversed().flatMap((curve) => {
    const validation = new Map(curve.validation.map((p) => [p.epoch, p.value]));
    return curve.train.map(({ epoch, value }) => [
      curve.name,
      epoch,
      rounded(value),
      rounded(validation.get(epoch) ?? NaN),
    ]);
  });
  return {
    file: measure.file,
    columns: ["run", "epoch", "training", "validation"],
    rows,
  };
}

function numbers(measure: Measure, table: Table): Html {
  const cell = (value: string | number | undefined) =>
    formatFixed(Number(value), measure.decimals);
  return html`
    <div class="scroll tall" tabindex="0" role="region"
      aria-label="${measure.title} in numbers">
      <table>
        <thead>
          <tr>
            <th scope="col">run</th>
            <th scope="col" class="number">epoch</th>
            <th scope="col" class="number">training</th>
            <th scope="col" class="number">validation</th>
          </tr>
        </thead>
        <tbody>${table.rows.map(([run, epoch, train, validation]) =>
          html`
            <tr>
              <td>${run}</td>
              <td class="number">${epoch}</td>
              <td class="number">${cell(train)}</td>
              <td class="number">${cell(validation)}</td>
            </tr>
          `
        )}</tbody>
      </table>
    </div>
  `;
}

function scaled(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value * by;
}

/** Without the digits that only float arithmetic made. */
function rounded(value: number): number {
  return Number(value.toPrecision(9));
}
