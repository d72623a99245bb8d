import {
  type ConfusionCell,
  confusionChart,
  confusionLayout,
} from "./confusion_chart.ts";
import { csvLink } from "./csv.ts";
import { type Html, html } from "./html.ts";
import { formatCount, formatShare } from "./format.ts";

/** With more classes a cell is too small to see. */
const LARGEST_DRAWN = 200;
const LISTED_MISTAKES = 8;

/**
 * Which classes are taken for which: a heat map, the commonest mistakes, and
 * the accuracy of each class.
 *
 * @param confusion `[label][prediction]`, counts; square.
 * @param classes Names, as many.
 */
export function confusionSection(
  confusion: readonly (readonly number[])[],
  classes: readonly string[],
): Html {
  const cells = toCells(confusion);
  const drawn = classes.length <= LARGEST_DRAWN;
  const table = {
    file: "confusion.csv",
    columns: ["label", "prediction", "images"],
    rows: cells.map((cell) => [
      classes[cell.label],
      classes[cell.prediction],
      cell.count,
    ]),
  };
  const { width } = confusionLayout(classes);
  const chart = html`
    <figure style="flex: 0 1 ${width}px">
      <div class="scroll" tabindex="0" role="region"
        aria-label="Confusion matrix">${drawn &&
          confusionChart(cells, classes)}</div>
      <figcaption>
        Each row holds the images of one class: the stronger a cell’s colour,
        the larger its share of the row. The diagonal is right, the rest is
        mistaken. ${csvLink(table)}
      </figcaption>
    </figure>
  `;
  const missing = html`
    <p>
      ${formatCount(classes.length)} classes are too many to draw. ${csvLink(
        table,
      )}
    </p>
  `;
  return html`
    <section>
      <h2>Which classes are confused</h2>
      <div class="beside">
        ${drawn ? chart : missing}
        <div>${mistakes(cells, classes)}${perClass(confusion, classes)}</div>
      </div>
    </section>
  `;
}

function toCells(confusion: readonly (readonly number[])[]): ConfusionCell[] {
  return confusion.flatMap((row, label) => {
    const total = sum(row);
    return row.map((count, prediction) => ({
      label,
      prediction,
      count,
      share: count / total,
    })).filter((cell) => cell.count > 0);
  });
}

function mistakes(
  cells: readonly ConfusionCell[],
  classes: readonly string[],
): Html {
  const wrong = cells.filter((cell) => cell.label !== cell.prediction)
    .sort((a, b) => b.count - a.count);
  if (wrong.length === 0) return html`<p>No test image is mistaken.</p>`;
  return html`
    <h3>Commonest mistakes</h3>
    <table>
      <thead>
        <tr>
          <th scope="col">label</th>
          <th scope="col">taken for</th>
          <th scope="col" class="number">images</th>
          <th scope="col" class="number">of label, %</th>
        </tr>
      </thead>
      <tbody>${wrong.slice(0, LISTED_MISTAKES).map((cell) =>
        html`
          <tr>
            <td>${classes[cell.label]}</td>
            <td>${classes[cell.prediction]}</td>
            <td class="number">${formatCount(cell.count)}</td>
            <td class="number">${formatShare(cell.share)}</td>
          </tr>
        `
      )}</tbody>
    </table>
  `;
}

function perClass(
  confusion: readonly (readonly number[])[],
  classes: readonly string[],
): Html {
  const rows = classes.map((name, i) => {
    const images = sum(confusion[i]);
    return { name, images, share: confusion[i][i] / images };
  });
  const table = {
    file: "classes.csv",
    columns: ["class", "images", "right"],
    rows: rows.map((row, i) => [row.name, row.images, confusion[i][i]]),
  };
  return html`
    <details>
      <summary>Accuracy of each class</summary>
      <div class="scroll tall" tabindex="0" role="region"
        aria-label="Accuracy of each class">
        <table>
          <thead>
            <tr>
              <th scope="col">class</th>
              <th scope="col" class="number">images</th>
              <th scope="col" class="number">right, %</th>
            </tr>
          </thead>
          <tbody>${rows.map((row) =>
            html`
              <tr>
                <td>${row.name}</td>
                <td class="number">${formatCount(row.images)}</td>
                <td class="number">${formatShare(row.share)}</td>
              </tr>
            `
          )}</tbody>
        </table>
      </div>
      <p>${csvLink(table)}</p>
    </details>
  `;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
