import assert from "node:assert/strict";
import { trainFlags } from "../../../cli/train_flags.ts";
import { hintOf } from "../../../core/errors.ts";
import { methods } from "../../../core/methods/mod.ts";
import { axes } from "../../../core/study/axes.ts";
import { cellsOf, gridOfCell } from "../../../core/study/grid.ts";

Deno.test("every flag of training is an axis, and every method's option", () => {
  const flags = trainFlags.map(({ name }) => name);
  assert.deepEqual(flags.filter((name) => !axes.has(name)), []);
  const keys = new Set([...axes.values()].map(({ key }) => key));
  for (const { options } of methods.values()) {
    for (const { name } of options) assert.ok(keys.has(name), name);
  }
});

Deno.test("no two axes set the same thing", () => {
  const keys = [...axes.values()].map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length);
});

Deno.test("cellsOf() gives every combination once, seeds before the rest", () => {
  const cells = cellsOf({
    data: ["a", "b"],
    seed: [0, 1],
    experts: [1, 2],
    lr: [0.1, 0.2],
  });
  assert.equal(cells.length, 16);
  assert.deepEqual(
    cells.slice(0, 5).map(({ data, options, settings }) => [
      settings.seed,
      data,
      options.experts,
      settings.lr,
    ]),
    [[0, "a", 1, 0.1], [0, "a", 1, 0.2], [0, "a", 2, 0.1], [0, "a", 2, 0.2], [
      0,
      "b",
      1,
      0.1,
    ]],
  );
});

Deno.test("cellsOf() leaves out the options that a method does not have", () => {
  const cells = cellsOf({
    data: ["a"],
    method: ["alore", "linear"],
    experts: [1, 2, 4],
  });
  assert.deepEqual(
    cells.map(({ method, options }) => [method, options.experts]),
    [["alore", 1], ["alore", 2], ["alore", 4], ["linear", undefined]],
  );
});

Deno.test("cellsOf() leaves out the words that only another method knows", () => {
  const grid = {
    data: ["a"],
    method: ["adapter", "alore", "arc"],
    place: ["attn", "after"],
  };
  assert.deepEqual(
    cellsOf(grid).map(({ method, options }) => [method, options.place]),
    [["adapter", undefined], ["alore", "attn"], ["alore", "after"], [
      "arc",
      "attn",
    ]],
  );
  // What none of them knows stays, and is refused where options are checked.
  const wrong = cellsOf({ ...grid, place: ["attn", "nowhere"] })
    .filter(({ options }) => options.place === "nowhere");
  assert.deepEqual(wrong.map(({ method }) => method), grid.method);
});

Deno.test("cellsOf() takes the learning rate of the method", () => {
  const [one, other] = cellsOf({ data: ["a"], method: ["alore", "linear"] });
  assert.equal(one.settings.lr, methods.get("alore")?.lr);
  assert.equal(other.settings.lr, methods.get("linear")?.lr);
});

Deno.test("cellsOf() refuses an option that none of the methods has", () => {
  assert.throws(
    () => cellsOf({ data: ["a"], method: ["linear", "full"], experts: [2] }),
    {
      name: "RangeError",
      message: "Cannot vary experts: got the method linear, full, wanted one " +
        "that has it as an option",
    },
  );
});

Deno.test("cellsOf() refuses a name that is no axis, with the nearest", () => {
  assert.throws(
    () => cellsOf({ data: ["a"], exprts: [2] }),
    (error) => hintOf(error) === "did you mean experts?",
  );
});

Deno.test("cellsOf() refuses a precision that is none", () => {
  assert.throws(() => cellsOf({ data: ["a"], precision: ["f32", "f8"] }), {
    name: "RangeError",
    message: "Cannot plan the study: got precision f8, wanted f32 or f16",
  });
});

Deno.test("cellsOf() does one precision after the other", () => {
  const cells = cellsOf({
    data: ["a"],
    precision: ["f32", "f16"],
    method: ["alore", "linear"],
  });
  assert.deepEqual(
    cells.map(({ precision, method }) => [precision, method]),
    [["f32", "alore"], ["f32", "linear"], ["f16", "alore"], ["f16", "linear"]],
  );
});

Deno.test("cellsOf() refuses a grid without data", () => {
  assert.throws(() => cellsOf({ rank: [1] }), {
    name: "RangeError",
    message: "Cannot plan the study: got no data, wanted a data set",
  });
});

Deno.test("gridOfCell() is the inverse of cellsOf()", () => {
  const cells = cellsOf({
    data: ["a", "b"],
    method: ["alore", "full"],
    rank: [2, 4],
    seed: [3],
    hflip: [0.5],
    "clip-grad": [1],
    "batch-size": [8],
    precision: ["f16", "f32"],
  });
  assert.deepEqual(cells.flatMap((cell) => cellsOf(gridOfCell(cell))), cells);
});
