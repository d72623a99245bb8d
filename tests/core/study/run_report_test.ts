import assert from "node:assert/strict";
import { parseHTML } from "linkedom";
import { type RunReport, runReport } from "../../../core/study/run_report.ts";
import { exampleEpoch, exampleReport, exampleRun } from "./example_report.ts";

interface Node {
  readonly textContent: string;
  readonly localName: string;
  getAttribute(name: string): string | null;
  querySelector(selector: string): Node | null;
  querySelectorAll(selector: string): Node[];
}

function open(report: RunReport): Node {
  return (parseHTML(runReport(report)) as unknown as { document: Node })
    .document;
}

function words(node: Node | null): string {
  return node!.textContent.replace(/\s+/g, " ").trim();
}

function headings(page: Node): string[] {
  return [...page.querySelectorAll("h2")].map(words);
}

function csvFile(page: Node, file: string): string {
  const link = page.querySelector(`a[download="${file}"]`);
  const href = link!.getAttribute("href")!;
  assert.match(href, /^data:text\/csv;charset=utf-8,/);
  return decodeURIComponent(href.slice(href.indexOf(",") + 1));
}

Deno.test("runReport() puts the sections in their order", () => {
  const page = open(exampleReport());
  assert.equal(words(page.querySelector("h1")), "alore demo");
  assert.deepEqual(headings(page), [
    "Result",
    "Curves",
    "Merge and inference",
    "Which classes are confused",
    "Test images",
    "All options",
    "Repeat it",
  ]);
});

Deno.test("runReport() says the result in a sentence", () => {
  assert.equal(
    words(open(exampleReport()).querySelector(".lead")),
    "alore names 74.1 % of 2,000 test images correctly and trains 20,986 " +
      "parameters: 17.7 points above linear and 5.0 points below full with " +
      "0.78 % of its parameters.",
  );
});

Deno.test("runReport() marks the highlighted row and no other", () => {
  const page = open(exampleReport());
  const rows = [...page.querySelectorAll(".runs tbody tr")]
    .map((row) => [...row.querySelectorAll("th, td")].map(words).join(" "));
  assert.equal(rows.length, 3);
  assert.match(rows[2], /^▸ ?alore 20,986 74\.1 72\.1 to 76\.0 70\.0 0\.875/);
  assert.match(rows[2], /0\.01 n=4 experts, rank 4$/);
  assert.deepEqual(rows.filter((row) => row.includes("▸")), [rows[2]]);
  assert.equal(page.querySelectorAll("tr.highlighted").length, 1);
});

Deno.test("runReport() leaves out top-5 when five classes or fewer are told apart", () => {
  const few = words(open(exampleReport()).querySelector(".runs thead"));
  assert.ok(!few.includes("top-5"), few);
  const classes = ["a", "b", "c", "d", "e", "f"];
  const many = open(exampleReport({ classes, confusion: [] }));
  assert.match(words(many.querySelector(".runs thead")), /top-5/);
});

Deno.test("runReport() draws training dashed and validation solid for each run", () => {
  const charts = open(exampleReport()).querySelectorAll(".pair svg");
  assert.equal(charts.length, 2);
  for (const chart of charts) {
    const lines = [...chart.querySelectorAll('[aria-label="line"]')];
    const dashed = lines.filter((l) => l.getAttribute("stroke-dasharray"));
    assert.equal(lines.length, 6);
    assert.equal(dashed.length, 3);
    assert.equal(chart.getAttribute("role"), "img");
    assert.match(chart.getAttribute("aria-label")!, /linear.*full.*alore/);
  }
});

Deno.test("runReport() carries the data behind each chart", () => {
  const page = open(exampleReport());
  const loss = csvFile(page, "loss.csv").split("\r\n");
  assert.equal(loss[0], "run,epoch,training,validation");
  assert.equal(loss[1], "alore,1,2,2.125");
  assert.equal(loss.length, 1 + 9 + 1);
  assert.match(csvFile(page, "accuracy.csv"), /alore,2,50,44\.4444444\r\n/);
  assert.equal(
    csvFile(page, "confusion.csv"),
    "label,prediction,images\r\ncat,cat,8\r\ncat,dog,1\r\n" +
      "dog,cat,2\r\ndog,dog,7\r\nfox,fox,9\r\n",
  );
  assert.match(csvFile(page, "runs.csv"), /full,,2691658,0\.01,3,29\.25,2000,/);
  assert.match(csvFile(page, "classes.csv"), /dog,9,7\r\n/);
});

Deno.test("runReport() shows counts, and lists the commonest mistake first", () => {
  const page = open(exampleReport());
  const chart = page.querySelector(".beside svg")!;
  const texts = [...chart.querySelectorAll("text")].map(words);
  for (const count of ["8", "1", "2", "7", "9"]) {
    assert.ok(texts.includes(count), `no ${count} in ${texts}`);
  }
  const first = page.querySelector(".beside > div tbody tr");
  assert.match(words(first), /^dog ?cat ?2 ?22\.2$/);
  assert.match(
    chart.getAttribute("aria-label")!,
    /24 of 27 images are on the diagonal\. dog taken for cat: 2 images, 22\.2 %\./,
  );
});

Deno.test("runReport() marks a wrong prediction in words", () => {
  const samples = [...open(exampleReport()).querySelectorAll(".samples li")];
  assert.equal(words(samples[0].querySelector("figcaption")), "✓ cat 97.5 %");
  assert.equal(
    words(samples[1].querySelector("figcaption")),
    "✗ dog not cat 50.0 %",
  );
});

Deno.test("runReport() gives the commands and what folding did", () => {
  const page = open(exampleReport());
  const commands = [...page.querySelectorAll("pre code")]
    .map((code) => code.textContent);
  assert.deepEqual(commands, [
    "deno task demo",
    "deno task alore train --method alore",
  ]);
  const facts = [...page.querySelectorAll("dl > div")].map(words);
  assert.ok(facts.some((f) => /^Largest logit difference ?3\.8e-6$/.test(f)));
  assert.ok(facts.some((f) => /^Same top-1 ?1,999 of 2,000$/.test(f)));
});

const NASTY = [
  `<script>alert("x")</script>`,
  `"quoted" & 'single'`,
  "🦊 fox",
  "</style></svg><img src=x onerror=alert(1)>",
  "a\0b\ud800",
  "  ",
];

Deno.test("runReport() escapes every text that it is given", () => {
  const confusion = NASTY.map((_, i) => NASTY.map((_, j) => i + j + 1));
  const [sample] = exampleReport().samples;
  for (const text of NASTY) {
    const page = open(exampleReport({
      title: text,
      subtitle: text,
      facts: [[text, text]],
      options: [[text, text]],
      classes: NASTY,
      confusion,
      runs: [exampleRun(text, 0.5, { note: text, command: text })],
      samples: [{ ...sample, label: 0, prediction: 3 }],
      repeat: [text],
    }));
    const shown = text.replace("\0", "\ufffd").toWellFormed();
    assert.equal(page.querySelector("h1")!.textContent, shown);
    assert.equal(page.querySelectorAll("script").length, 1);
    assert.equal(page.querySelectorAll("img").length, 1);
    assert.equal(page.querySelectorAll("[onerror]").length, 0);
    assert.equal(headings(page).length, 7);
    assert.match(csvFile(page, "confusion.csv"), /"""quoted"" & 'single'"/);
    const chart = page.querySelector(".beside svg")!;
    const names = [...chart.querySelectorAll("text")].map(words);
    assert.ok(names.includes("🦊 fox"), names.join());
    assert.ok(names.includes("class 5"), names.join());
  }
});

Deno.test("runReport() closes every element that it opens", () => {
  const page = runReport(exampleReport({ classes: NASTY.slice(0, 3) }));
  const open: string[] = [];
  const tag = /<(\/?)([a-zA-Z][\w-]*)((?:"[^"]*"|[^">])*)>/g;
  const content = page.replace(/<(style|script)>.*?<\/\1>/gs, "");
  for (const [, end, name, rest] of content.matchAll(tag)) {
    if (/^(meta|img)$/.test(name) || rest.endsWith("/")) continue;
    if (end) assert.equal(name, open.pop());
    else open.push(name);
  }
  assert.deepEqual(open, []);
});

Deno.test("runReport() refers to nothing outside the page", () => {
  const page = runReport(exampleReport());
  assert.ok(
    !/\b(?:https?:)?\/\/[a-z]/i.test(page.replace(/base64,[^"]*/g, "")),
  );
  const urls = [...open(exampleReport()).querySelectorAll("[src], [href]")]
    .map((n) => n.getAttribute("src") ?? n.getAttribute("href")!);
  assert.ok(urls.length >= 5);
  for (const url of urls) assert.match(url, /^data:/);
});

Deno.test("runReport() shows a single run of one epoch without validation", () => {
  const { trainLoss, trainTop1, ...epoch } = exampleEpoch(1, 2);
  const record = {
    ...epoch,
    trainLoss,
    trainTop1,
    validationLoss: undefined,
    validationTop1: undefined,
  };
  const run = exampleRun("alore", 0.6, { epochs: [record] });
  const page = open(exampleReport({
    runs: [run],
    options: undefined,
    confusion: [],
    samples: [],
    merge: undefined,
    repeat: [],
  }));
  assert.deepEqual(headings(page), ["Result", "Curves"]);
  assert.match(words(page.querySelector(".legend")), /no validation split/);
  for (const chart of page.querySelectorAll(".pair svg")) {
    assert.match(chart.getAttribute("aria-label")!, /alore: training from/);
  }
  assert.match(csvFile(page, "loss.csv"), /alore,1,2,\r\n/);
});

Deno.test("runReport() survives numbers that are not finite", () => {
  const epochs = [1, 2, 3].map((epoch) => exampleEpoch(epoch, 2 / epoch));
  epochs[1] = exampleEpoch(2, NaN);
  epochs[2] = exampleEpoch(3, Infinity);
  const test = {
    count: 20,
    loss: NaN,
    top1: NaN,
    top5: NaN,
    meanPerClass: NaN,
  };
  const runs = [exampleRun("alore", 0, { epochs, test })];
  const confusion = [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
  const page = open(exampleReport({ runs, confusion }));
  assert.match(words(page.querySelector(".lead")), /is not a number/);
  for (const svg of page.querySelectorAll("svg")) {
    for (const node of svg.querySelectorAll("path, circle, text, rect")) {
      for (const name of ["d", "transform", "cx", "cy", "x", "y"]) {
        assert.ok(!/NaN|Infinity/.test(node.getAttribute(name) ?? ""));
      }
    }
  }
  const body = words(page.querySelector("main"));
  assert.ok(!/NaN|Infinity|undefined/.test(body), body);
});

Deno.test("runReport() draws 2 to 200 classes and lists more", () => {
  for (const [count, charts] of [[2, 1], [100, 1], [200, 1], [201, 0]]) {
    const classes = Array.from({ length: count }, (_, i) => `class ${i}`);
    const confusion = classes.map((_, i) =>
      classes.map((_, j) => i === j ? 3 : Number(j === (i + 1) % count))
    );
    const page = open(exampleReport({ classes, confusion }));
    const drawn = page.querySelectorAll(".beside svg");
    assert.equal(drawn.length, charts, `${count} classes`);
    const rows = csvFile(page, "confusion.csv").trimEnd().split("\r\n");
    assert.equal(rows.length, 1 + 2 * count);
  }
});

Deno.test("runReport() compares with the best when the other runs are many", () => {
  const runs = ["a", "b", "c", "d"].map((name, i) =>
    exampleRun(name, 0.5 + i / 100)
  );
  const last = exampleRun("alore", 0.6, { trainable: 100, highlighted: true });
  assert.match(
    words(
      open(exampleReport({ runs: [...runs, last] })).querySelector(".lead"),
    ),
    /: 7\.0 points above d with 0\.477 % of its parameters, the best of the other 4\.$/,
  );
});

Deno.test("runReport() rejects what does not fit together", () => {
  assert.throws(() => runReport(exampleReport({ runs: [] })), {
    name: "RangeError",
    message: "Cannot write the run report: got no run, wanted at least one",
  });
  assert.throws(() => runReport(exampleReport({ confusion: [[1, 2]] })), {
    name: "RangeError",
    message: /got a confusion matrix with a side of 1, wanted .* 3$/,
  });
});
