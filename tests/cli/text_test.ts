import assert from "node:assert/strict";
import {
  bytes,
  clock,
  count,
  percent,
  plural,
  rate,
  short,
} from "../../cli/format.ts";
import { table } from "../../cli/table.ts";

Deno.test("table() aligns columns and drops space at the end", () => {
  const columns = [
    { title: "method" },
    { title: "top-1", align: "right" as const },
    { title: "" },
  ];
  const rows = [["linear", "5.1 %", ""], ["ü", "66.7 %", "best"]];
  assert.deepEqual(table(columns, rows), [
    "method   top-1",
    "linear   5.1 %",
    "ü       66.7 %  best",
  ]);
});

Deno.test("numbers read as people write them", () => {
  assert.equal(count(147520), "147,520");
  assert.equal(percent(0.6712), "67.1 %");
  assert.equal(clock(14.4), "0:14");
  assert.equal(clock(3723), "1:02:03");
  assert.equal(bytes(134217728), "134 MB");
  assert.equal(rate(1430.4), "1,430 img/s");
  assert.equal(rate(0.312), "0.31 img/s");
  assert.equal(short(0), "0");
  assert.equal(short(1.23456), "1.235");
  assert.equal(short(4.57e-6), "4.6e-6");
  assert.equal(plural(1, "image"), "1 image");
  assert.equal(plural(1200, "image"), "1,200 images");
});
