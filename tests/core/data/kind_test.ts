import assert from "node:assert/strict";
import { hintOf } from "../../../core/errors.ts";
import { Options, type OptionSpec } from "../../../core/data/kind.ts";
import { kindNamed, kinds } from "../../../core/data/kinds.ts";

const specs: OptionSpec[] = [
  { name: "size", type: "integer", min: 1, default: 32, help: "" },
  { name: "share", type: "number", min: 0, help: "" },
  {
    name: "fit",
    type: "string",
    choices: ["stretch", "crop"],
    default: "stretch",
    help: "",
  },
  { name: "loud", type: "boolean", default: false, help: "" },
];

Deno.test("Options fills defaults in", () => {
  const options = new Options(specs, { loud: true, size: undefined });
  assert.equal(options.number("size"), 32);
  assert.equal(options.number("share"), undefined);
  assert.equal(options.choice("fit", ["stretch", "crop"]), "stretch");
  assert.equal(options.flag("loud"), true);
  assert.equal(options.text("share"), "");
});

Deno.test("Options rejects names, types and values that are not declared", () => {
  const make = (values: Record<string, string | number | boolean>) => () =>
    new Options(specs, values);
  assert.throws(make({ sise: 3 }), {
    name: "RangeError",
    message: /got an option "sise", wanted one of size, share, fit, loud/,
  });
  assert.throws(make({ size: "3" }), {
    name: "TypeError",
    message: /got size of type string, wanted integer/,
  });
  for (const size of [0, 1.5, NaN, Infinity]) {
    assert.throws(make({ size }), {
      name: "RangeError",
      message:
        `Cannot prepare images: got size ${size}, wanted a whole number from 1`,
    });
  }
  assert.throws(make({ share: -0.1 }), {
    message: /got share -0.1, wanted a number from 0/,
  });
  assert.throws(make({ fit: "squash" }), (error) => {
    assert(error instanceof RangeError);
    assert.match(error.message, /got fit "squash", wanted stretch, crop/);
    return hintOf(error) === "stretch is the usual choice";
  });
});

Deno.test("kindNamed() finds every kind, and names them otherwise", () => {
  for (const kind of kinds) assert.equal(kindNamed(kind.name), kind);
  assert.equal(new Set(kinds.map(({ name }) => name)).size, kinds.length);
  assert.throws(() => kindNamed("floder"), {
    name: "RangeError",
    message: 'Cannot prepare images: got kind "floder", wanted folder, idx, ' +
      "shapes",
  });
});

for (const kind of kinds) {
  Deno.test(`${kind.name} declares options once, each with a sound default`, () => {
    const names = kind.options.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    const options = new Options(kind.options, {});
    // What is drawn is not resized.
    const filter = kind.name === "shapes" ? "" : "bicubic";
    assert.equal(options.text("filter"), filter);
    assert.equal(options.number("size"), 32);
    assert(kind.options.every(({ help }) => help.length > 0));
  });
}
