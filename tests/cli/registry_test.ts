import assert from "node:assert/strict";
import { commonFlags } from "../../cli/flags.ts";
import { parse } from "../../cli/parse.ts";
import { commands, groups } from "../../cli/registry.ts";

const program = { name: "alore", version: "0", summary: "", commands, groups };

Deno.test("every command has a name, an example and flags of its own", () => {
  const names = commands.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, flags, examples } of commands) {
    const all = [...flags, ...commonFlags].map((flag) => flag.name);
    assert.equal(new Set(all).size, all.length, `${name}: ${all.join(" ")}`);
    assert.ok(examples.length > 0, name);
    for (const example of examples) assert.ok(example.startsWith(name), name);
  }
});

Deno.test("every command's examples parse", () => {
  for (const { examples, name } of commands) {
    for (const example of examples) {
      const parsed = parse(program, example.split(" "));
      assert.equal(parsed.kind, "run", example);
      assert.ok(parsed.kind === "run" && parsed.command.name === name);
    }
  }
});

Deno.test("every command's help fits a terminal of 80 columns", () => {
  for (const { name } of commands) {
    const parsed = parse(program, [...name.split(" "), "--help"]);
    assert.ok(parsed.kind === "help", name);
    const text = parsed.text.split("Example:")[0];
    for (const line of text.split("\n")) {
      assert.ok(line.length <= 80, `${name}: ${line}`);
    }
  }
});
