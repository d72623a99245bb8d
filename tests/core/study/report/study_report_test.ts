import assert from "node:assert/strict";
import { parseHTML } from "linkedom";
import { html } from "../../../../core/study/html.ts";
import {
  type StudyReport,
  studyReport,
} from "../../../../core/study/report/study_report.ts";
import { exampleStudy, madeRun } from "./example_study.ts";

interface Node {
  readonly textContent: string;
  getAttribute(name: string): string | null;
  querySelector(selector: string): Node | null;
  querySelectorAll(selector: string): Iterable<Node>;
}

function open(report: StudyReport): Node {
  return (parseHTML(studyReport(report)) as unknown as { document: Node })
    .document;
}

const words = (node: Node | null) =>
  node!.textContent.replace(/\s+/g, " ").trim();
const all = (page: Node, selector: string) =>
  [...page.querySelectorAll(selector)].map(words);

/** A study of some runs. */
function study(
  runs: readonly Parameters<typeof madeRun>[0][],
  more: Partial<StudyReport> = {},
): StudyReport {
  return exampleStudy({ runs: runs.map(madeRun), ...more });
}

const LINEAR = { method: "linear", parameters: 0, top1: 0.5 };
const LORA = { method: "lora", options: { rank: 8 }, top1: 0.7 };

Deno.test("studyReport() says which setting is best and by how much", () => {
  const page = open(exampleStudy());
  const lead = words(page.querySelector(".lead"));
  assert.match(
    lead,
    /^alore experts 4 rank 8 is best with [\d.]+ ± [\d.]+ % of the test images right on the mean of 3 data sets, [\d.]+ points \(95 % interval \+[\d.]+ to \+[\d.]+\) above linear\. It trains 36,928 parameters besides the head\.$/,
  );
  // The sentence's numbers are those of the table.
  const row = all(page, "#tables .total .highlighted").at(-1) ??
    words(page.querySelector("#tables .highlighted"));
  const [, points] = /(\d+\.\d) points/.exec(lead)!;
  assert.ok(row.includes(`+${points}`), row);
});

Deno.test("studyReport() compares with the baseline that is named", () => {
  const named = open(exampleStudy({ baseline: "ssf" }));
  assert.match(words(named.querySelector(".lead")), /above ssf\./);
  const exact = open(exampleStudy({ baseline: "alore experts=8 rank=1" }));
  assert.match(
    words(exact.querySelector("#tables .note")),
    /alore experts 8 r/,
  );
  assert.throws(
    () => studyReport(exampleStudy({ baseline: "alroe" })),
    /^RangeError: Cannot compare with alroe: got a baseline that the study/,
  );
});

Deno.test("studyReport() calls the baseline the best where it is", () => {
  const page = open(study([{ ...LINEAR, top1: 0.9 }, LORA]));
  assert.match(
    words(page.querySelector(".lead")),
    /^linear is best .*; nothing is above the baseline\. It trains 0 parameters/,
  );
  assert.match(
    all(page, "#result p").join(" "),
    /With one seed an interval co/,
  );
});

Deno.test("studyReport() marks the Pareto front", () => {
  const page = open(study([
    LINEAR,
    { ...LORA, parameters: 100, top1: 0.7 },
    { method: "ssf", parameters: 200, top1: 0.6 },
    { method: "full", parameters: 300, top1: 0.8 },
  ]));
  const front = all(page, ".front li").map((text) => text.split(":")[0]);
  assert.deepEqual(front, ["linear", "lora", "full"]);
});

Deno.test("studyReport() gives parameters three ticks or more, near or far", () => {
  const ticks = (...parameters: number[]) =>
    all(
      open(study(parameters.map((count, i) => ({
        method: "lora",
        options: { rank: i + 1 },
        parameters: count,
        top1: 0.7 + 0.01 * i,
      })))),
      "#parameters [aria-label='x-axis tick label'] text",
    );
  assert.deepEqual(ticks(9_216, 18_496), ["10k", "12k", "14k", "16k", "18k"]);
  assert.deepEqual(ticks(98_500, 103_000), [
    "99k",
    "100k",
    "101k",
    "102k",
    "103k",
  ]);
  assert.deepEqual(ticks(9_000, 74_000), ["10k", "20k", "50k"]);
  assert.deepEqual(ticks(900, 2e6), ["1k", "10k", "100k", "1M"]);
  assert.deepEqual(ticks(500, 500), ["500"]);
  assert.deepEqual(ticks(0, 18_496), ["0", "18.5k"]);
});

Deno.test("studyReport() shows failed and pending cells as such", () => {
  const page = open(exampleStudy());
  const heat = page.querySelector("#experts-by-rank figure.task-2 svg");
  const label = heat!.getAttribute("aria-label")!;
  assert.match(
    label,
    /experts 8, rank 4: pending; experts 8, rank 8: failed\./,
  );
  const total = page.querySelector("#experts-by-rank svg")!;
  assert.match(
    total.getAttribute("aria-label")!,
    /rank 4: incomplete; .*failed/,
  );
  assert.equal(all(page, ".failure").length, 3);
  assert.equal(
    page.querySelector(".failure")!.getAttribute("title"),
    "Cannot train: the loss is NaN",
  );
});

Deno.test("studyReport() has no heat map without experts and ranks", () => {
  const page = open(study([LINEAR, LORA]));
  assert.deepEqual(all(page, "h2"), [
    "Result",
    "Accuracy against trainable parameters",
    "Every setting on every data set",
    "Learning curves",
    "Repeat it",
  ]);
});

Deno.test("studyReport() shows a study that has just begun, and a single run", () => {
  const none = open(study([LINEAR, LORA].map((run) => ({
    ...run,
    state: "new" as const,
  }))));
  assert.equal(words(none.querySelector(".lead")), "No run is done yet.");
  assert.equal(all(none, ".cells tbody tr").length, 2);
  const part = open(study([
    LINEAR,
    { ...LINEAR, data: "drawings", state: "failed" },
  ]));
  assert.match(
    words(part.querySelector(".lead")),
    /^No setting is done on eve/,
  );
  const single = open(study([LORA]));
  assert.match(
    words(single.querySelector(".lead")),
    /^lora is best with [\d.]+ % of the test images right\. It trains/,
  );
  assert.equal(single.querySelector("form"), null);
});

Deno.test("studyReport() lives with runs whose predictions are lost", () => {
  const { runs } = exampleStudy();
  const lost = runs.map((run) => ({ ...run, right: undefined }));
  const page = open(exampleStudy({ runs: lost }));
  assert.match(
    words(page.querySelector(".lead")),
    /; it cannot be compared with linear\. /,
  );
  assert.equal([...page.querySelectorAll(".interval")].length, 0);
});

Deno.test("studyReport() keeps markup out of names, and is closed and alone", () => {
  const text = studyReport(study([
    { ...LINEAR, data: '<b>&lt;" onload="' },
    { ...LORA, data: '<b>&lt;" onload="', state: "failed" },
  ], {
    title: "<script>alert(1)</script>",
    experts: html`<section>x</section>`,
  }));
  const { document } = parseHTML(text) as unknown as { document: Node };
  assert.equal([...document.querySelectorAll("b, h1 *, [onload]")].length, 0);
  assert.equal([...document.querySelectorAll("script")].length, 1);
  assert.ok(all(document, "h3").includes('<b>&lt;" onload="'));
  assert.doesNotMatch(text, /(?:src|href)="(?!data:|#|runs\/)/);
  for (
    const tag of ["section", "figure", "table", "tr", "td", "details", "svg"]
  ) {
    const opened = text.match(new RegExp(`<${tag}[ >]`, "g"))?.length ?? 0;
    const closed = text.match(new RegExp(`</${tag}>`, "g"))?.length ?? 0;
    assert.equal(opened, closed, tag);
  }
});
