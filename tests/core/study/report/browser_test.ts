/**
 * A study's report in a browser, as a reader uses it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { studyReport } from "../../../../core/study/report/study_report.ts";
import { hasChromium, type Step, visit } from "../../../support/browser.ts";
import { inFolder } from "../../../support/folder.ts";
import { exampleStudy } from "./example_study.ts";

interface Case {
  readonly title: string;
  readonly steps: readonly Step[];
  readonly check: (answers: readonly unknown[]) => void;
}

const cases: Case[] = [];

function inBrowser(
  title: string,
  steps: readonly Step[],
  check: Case["check"],
): void {
  cases.push({ title, steps, check });
}

const visible = (selector: string): Step => ({
  do: "evaluate",
  expression: `[...document.querySelectorAll(${JSON.stringify(selector)})]
    .filter((e) => e.getClientRects().length > 0).length`,
});

const box = (label: string) => `.filters label:has-text("${label}")`;

inBrowser("filters by method and data set", [
  visible(".task tbody tr"),
  visible(".task"),
  { do: "click", selector: box("alore") },
  visible(".task tbody tr"),
  visible("#experts-by-rank figure"),
  visible("#parameters .pair svg .method-0"),
  { do: "evaluate", expression: "document.querySelector('output').value" },
  { do: "click", selector: box("drawings") },
  visible(".task"),
  visible("#parameters figure"),
  { do: "click", selector: '.filters button:has-text("None")' },
  visible(".task tbody tr"),
  { do: "click", selector: '.filters button:has-text("All")' },
  visible(".task tbody tr"),
], (answers) => {
  const counts = answers.filter((answer) => answer !== null);
  assert.deepEqual(counts, [
    80,
    4,
    16,
    0,
    0,
    "4 of 20 settings",
    3,
    3,
    0,
    80,
  ]);
});

inBrowser("copies the command of a cell that a table links to", [
  { do: "click", selector: ".task .highlighted a" },
  {
    do: "evaluate",
    expression: "document.querySelector('.cells details[open] summary')" +
      ".textContent.trim().replace(/\\s+/g, ' ')",
  },
  { do: "click", selector: ".cells details[open] tr:nth-child(2) button" },
  { do: "clipboard" },
  {
    do: "evaluate",
    expression: "document.querySelector('.cells details[open] a').href" +
      ".replace(location.href.replace(/report.html.*/, ''), '')",
  },
], ([, summary, , copied, config]) => {
  assert.equal(summary, "alore experts 4 rank 8 9 runs");
  assert.match(
    String(copied),
    /^deno task alore train --data digits\.safetensors --method alore --seed 1 --out runs\/[0-9a-f]+$/,
  );
  assert.match(String(config), /^runs\/[0-9a-f]{12}\/config\.json$/);
});

inBrowser("lets the data behind a chart be downloaded", [
  { do: "download", selector: "#experts-by-rank .download" },
  { do: "download", selector: "#curves .download" },
], (answers) => {
  const [heat, curves] = answers as { name: string; text: string }[];
  assert.equal(heat.name, "experts-by-rank-mean-of-3-data-sets.csv");
  assert.match(heat.text, /^data,experts,rank,seeds,top-1,std\r\n/);
  assert.equal(heat.text.trimEnd().split("\r\n").length, 17);
  assert.equal(curves.name, "curves-digits.csv");
  assert.match(curves.text, /\r\nlora rank 8,10,0\.\d+\r\n/);
});

inBrowser("is used by the keyboard alone", [
  { do: "tab", times: 7 },
  { do: "press", key: "Space" },
  visible(".task tbody tr"),
  { do: "tab", times: 40 },
], ([first, , rows, more]) => {
  const stops = [...first as Stop[], ...more as Stop[]];
  assert.deepEqual(stops.filter(({ outlined }) => !outlined), []);
  assert.deepEqual(stops.filter(({ name }) => name === ""), []);
  const [last] = (first as Stop[]).slice(-1);
  assert.deepEqual([last.tag, last.name], ["input", "alore"]);
  assert.equal(rows, 16);
  const tags = new Set(stops.map(({ tag }) => tag));
  assert.deepEqual([...tags].sort(), [
    "a",
    "button",
    "div",
    "input",
    "summary",
  ]);
});

interface Stop {
  readonly tag: string;
  readonly name: string;
  readonly outlined: boolean;
}

const overflow: Step = {
  do: "evaluate",
  expression: "document.documentElement.scrollWidth - innerWidth",
};

inBrowser("is never wider than the window", [
  overflow,
  { do: "size", width: 400, height: 800 },
  overflow,
  // A4 between its margins.
  { do: "size", width: 718, height: 1000 },
  { do: "emulate", media: "print" },
  overflow,
], (answers) => {
  for (const answer of answers) {
    assert.ok(Number(answer ?? 0) <= 0, `${answer}`);
  }
});

/** The contrast of an element's text to its page's ground, as WCAG has it. */
const contrast = (selector: string): Step => ({
  do: "evaluate",
  expression: `(() => {
    const light = (text) => {
      const [r, g, b] = text.match(/[\\d.]+/g).map((v) => v / 255)
        .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = light(getComputedStyle(document.body).backgroundColor);
    const element = document.querySelector(${JSON.stringify(selector)});
    const { color, fill } = getComputedStyle(element);
    const ink = light(element.localName === "text" ? fill : color);
    const [low, high] = [ground, ink].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  })()`,
});

const TEXTS = [
  "h1",
  ".note",
  "nav a",
  "#parameters svg text",
  "td",
  ".failure",
];

for (const colorScheme of ["light", "dark"] as const) {
  inBrowser(`is readable where a reader prefers ${colorScheme}`, [
    { do: "emulate", colorScheme },
    {
      do: "evaluate",
      expression: "getComputedStyle(document.body).backgroundColor",
    },
    ...TEXTS.map(contrast),
  ], ([, ground, ...contrasts]) => {
    assert.equal(
      ground,
      colorScheme === "dark" ? "rgb(20, 24, 28)" : "rgb(255, 255, 255)",
    );
    contrasts.forEach((found, i) =>
      assert.ok(Number(found) >= 4.5, `${TEXTS[i]}: ${found}`)
    );
  });
}

inBrowser("prints its charts whole, without what is to be clicked", [
  { do: "emulate", media: "print", colorScheme: "dark" },
  visible(".filters, nav, button, .download, .cells"),
  visible("svg.plot"),
  { do: "evaluate", expression: "getComputedStyle(document.body).color" },
  {
    do: "evaluate",
    expression: `[...document.querySelectorAll(".scroll")]
      .filter((e) => getComputedStyle(e).overflowX !== "visible").length`,
  },
], ([, clicked, charts, color, clipped]) => {
  assert.equal(clicked, 0);
  assert.ok(Number(charts) >= 11);
  assert.equal(color, "rgb(27, 33, 39)");
  assert.equal(clipped, 0);
});

inBrowser("gives each chart a text", [
  {
    do: "evaluate",
    expression: `[...document.querySelectorAll("figure > .scroll > svg")]
      .map((svg) => svg.getAttribute("aria-label"))`,
  },
], ([labels]) => {
  const texts = labels as string[];
  assert.equal(texts.length, 11);
  for (const text of texts) assert.match(text, /^\S.{60,}\.$/s);
});

Deno.test({
  name: "studyReport() works in a browser [chromium]",
  ignore: !hasChromium,
  fn: (test) =>
    inFolder(async (folder) => {
      const path = `${folder}/report.html`;
      await Deno.writeTextFile(path, studyReport(exampleStudy()));
      const visits = await visit(path, cases.map(({ steps }) => steps));
      for (const [i, { title, check }] of cases.entries()) {
        const { answers, complaints, requests } = visits[i];
        await test.step(`studyReport() ${title}`, () => {
          assert.deepEqual(complaints, []);
          assert.deepEqual(requests, []);
          check(answers);
        });
      }
    }),
});
