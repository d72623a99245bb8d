import assert from "node:assert/strict";
import { groupEmoji } from "../../../assets/make/emoji_classes.ts";
import { glyphClasses } from "../../../assets/make/glyph_classes.ts";

Deno.test("glyphClasses() holds each of the 62 characters once in 47 classes", () => {
  const classes = glyphClasses();
  const characters = classes.flatMap((glyph) => glyph.characters);
  assert.equal(classes.length, 47);
  assert.equal(characters.length, 62);
  assert.equal(new Set(characters).size, 62);
});

function entries(subcategory: string, count: number, drawn = true) {
  return Array.from({ length: count }, (_, i) => ({
    category: "Objects",
    subcategory,
    ["sheet_x"]: i,
    ["sheet_y"]: 0,
    ["sort_order"]: -i,
    ["has_img_google"]: true,
    ["has_img_twitter"]: drawn,
  }));
}

Deno.test("groupEmoji() orders classes by name and emoji by their sort order", () => {
  const groups = groupEmoji(
    JSON.stringify([...entries("tool", 6), ...entries("mail", 7)]),
  );
  assert.deepEqual([...groups.keys()], ["mail", "tool"]);
  const columns = groups.get("tool")?.map(({ plain }) => plain.column);
  assert.deepEqual(columns, [5, 4, 3, 2, 1, 0]);
});

Deno.test("groupEmoji() joins small sub-categories and leaves out what is not drawn", () => {
  const groups = groupEmoji(JSON.stringify([
    ...entries("money", 6),
    ...entries("currency", 2),
    ...entries("skin-tone", 5),
    ...entries("tool", 3, false),
  ]));
  assert.deepEqual([...groups.keys()], ["money"]);
  assert.equal(groups.get("money")?.length, 8);
});

Deno.test("groupEmoji() refuses a class of fewer than six emoji", () => {
  assert.throws(() => groupEmoji(JSON.stringify(entries("tool", 5))), {
    name: "RangeError",
    message: /"tool": got 5 emoji, wanted at least 6/,
  });
});
