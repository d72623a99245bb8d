import assert from "node:assert/strict";
import { hintOf } from "../../core/errors.ts";
import type { CliCommand } from "../../cli/command.ts";
import type { Input } from "../../cli/input.ts";
import { parse } from "../../cli/parse.ts";
import { UsageError } from "../../cli/usage_error.ts";

const bake: CliCommand = {
  name: "oven bake",
  summary: "bakes bread",
  examples: ["oven bake rye --hours 2"],
  arguments: [{ name: "FLOUR", help: "what to bake", variadic: true }],
  flags: [
    { name: "hours", kind: "number", required: true, help: "how long" },
    {
      name: "loaves",
      kind: "integer",
      default: 3,
      minimum: 1,
      below: 10,
      help: "how many",
    },
    {
      name: "crust-kind",
      kind: "text",
      choices: ["soft", "hard"],
      default: "soft",
      help: "how the crust is",
    },
    { name: "steam", kind: "boolean", default: true, help: "lets steam in" },
    { name: "note", kind: "text", optionalValue: true, help: "a note" },
  ],
  run: () => Promise.resolve(undefined),
};

const program = {
  name: "alore",
  version: "1.2.3",
  summary: "A program.",
  commands: [bake],
  groups: new Map([["oven", "hot things"]]),
};

function inputOf(...words: string[]): Input {
  const parsed = parse(program, ["oven", "bake", ...words]);
  assert.equal(parsed.kind, "run");
  return parsed.kind === "run" ? parsed.input : assert.fail();
}

/** The message and hint of what parsing refuses. */
function refused(...words: string[]): [string, string | undefined] {
  try {
    parse(program, words);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return [error.message, hintOf(error)];
  }
  assert.fail("nothing was refused");
}

Deno.test("parse() fills in defaults and knows what was typed", () => {
  const input = inputOf("rye", "oats", "--hours", "1.5");
  assert.deepEqual(input.words("FLOUR"), ["rye", "oats"]);
  assert.equal(input.number("hours"), 1.5);
  assert.equal(input.number("loaves"), 3);
  assert.equal(input.text("crust-kind"), "soft");
  assert.equal(input.on("steam"), true);
  assert.equal(input.given("loaves"), false);
  assert.equal(input.given("hours"), true);
});

Deno.test("parse() takes the values that were typed", () => {
  const words = ["rye", "--hours=2", "--crust-kind", "hard", "--no-steam"];
  const input = inputOf(...words, "--loaves", "9", "--note");
  assert.equal(input.text("crust-kind"), "hard");
  assert.equal(input.on("steam"), false);
  assert.equal(input.number("loaves"), 9);
  assert.equal(input.text("note"), "");
});

Deno.test("parse() names the nearest flag or command", () => {
  assert.deepEqual(refused("ovne"), [
    "Unknown command: ovne",
    "did you mean oven? (oven)",
  ]);
  assert.deepEqual(refused("oven", "bkae"), [
    "Unknown command: oven bkae",
    "did you mean bake? (bake)",
  ]);
  assert.deepEqual(refused("oven", "bake", "rye", "--huors", "2"), [
    "Unknown flag: --huors",
    "did you mean --hours?",
  ]);
  assert.deepEqual(refused("oven", "bake", "rye", "--hours=2", "--no-stem"), [
    "Unknown flag: --no-stem",
    "did you mean --no-steam?",
  ]);
});

Deno.test("parse() refuses values that a flag cannot have", () => {
  const bakeWith = (...words: string[]) =>
    refused("oven", "bake", "rye", ...words)[0];
  assert.equal(bakeWith(), "Missing flag: --hours");
  assert.match(bakeWith("--hours"), /^Missing value: --hours/);
  assert.equal(
    bakeWith("--hours", "long"),
    'Cannot use --hours: got "long", wanted a number',
  );
  assert.equal(
    bakeWith("--hours=1", "--loaves", "2.5"),
    'Cannot use --loaves: got "2.5", wanted a whole number',
  );
  assert.equal(
    bakeWith("--hours=1", "--crust-kind", "hrad"),
    'Cannot use --crust-kind: got "hrad", wanted one of soft, hard',
  );
  assert.equal(
    bakeWith("--hours=1", "--json=yes"),
    "Cannot use --json=yes: --json takes no value",
  );
  assert.match(refused("oven", "bake")[0], /^Missing argument: FLOUR/);
});

Deno.test("parse() throws a RangeError for numbers out of range", () => {
  assert.throws(() => inputOf("rye", "--hours=1", "--loaves=0"), {
    name: "RangeError",
    message: "Cannot use --loaves: got 0, wanted at least 1 and below 10",
  });
});

Deno.test("parse() shows help with defaults, choices and an example", () => {
  const parsed = parse(program, ["oven", "bake", "--help"]);
  assert.equal(parsed.kind, "help");
  const text = parsed.kind === "help" ? parsed.text : "";
  assert.match(text, /--loaves <N> +how many \(default 3\)/);
  assert.match(text, /--crust-kind <soft\|hard>/);
  assert.match(text, /--no-steam/);
  assert.match(text, /deno task alore oven bake rye --hours 2/);
});

Deno.test("parse() shows help where no command is named", () => {
  for (const words of [[], ["oven"], ["--help"], ["oven", "--help"]]) {
    assert.equal(parse(program, words).kind, "help", words.join(" "));
  }
  const version = parse(program, ["--version"]);
  assert.deepEqual(version, { kind: "help", text: "1.2.3\n" });
});
