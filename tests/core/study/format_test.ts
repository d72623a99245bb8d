import assert from "node:assert/strict";
import {
  clip,
  formatNumber,
  formatShare,
  wilsonInterval,
} from "../../../core/study/format.ts";

Deno.test("formatNumber() keeps three digits that count", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [0.01, "0.01"],
    [0.0005, "0.0005"],
    [3.84e-6, "3.8e-6"],
    [2e-5, "2e-5"],
    [1.2789, "1.28"],
    [0.78, "0.78"],
    [999.4, "999"],
    [1234.5, "1,235"],
    [NaN, "–"],
    [Infinity, "–"],
  ];
  for (const [value, wanted] of cases) {
    assert.equal(formatNumber(value), wanted, `${value}`);
  }
});

Deno.test("wilsonInterval() gives the published interval of 81 in 263", () => {
  // Newcombe 1998, table I, method 3: 0.2553 to 0.3662.
  const [low, high] = wilsonInterval(81 / 263, 263);
  assert.equal(low.toFixed(4), "0.2553");
  assert.equal(high.toFixed(4), "0.3662");
});

Deno.test("wilsonInterval() stays within [0, 1]", () => {
  assert.equal(formatShare(wilsonInterval(0, 20)[0]), "0.0");
  assert.equal(formatShare(wilsonInterval(1, 20)[1]), "100.0");
});

Deno.test("clip() does not cut a character in two", () => {
  assert.equal(clip("🦊🦊🦊", 3), "🦊🦊🦊");
  assert.equal(clip("🦊🦊🦊🦊", 3), "🦊🦊…");
});
