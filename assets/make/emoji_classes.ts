/** Emoji by their sub-category: the table, and what becomes of small ones. */

/** Where a drawing stands on a sheet. */
export interface Cell {
  column: number;
  row: number;
}

/** One emoji that both artists have drawn. */
export interface Emoji {
  category: string;
  subcategory: string;
  plain: Cell;
  /** The same in each skin tone; empty for most. */
  toned: Cell[];
}

/** What `emoji.json` tells of a drawing. */
interface Entry {
  "sheet_x": number;
  "sheet_y": number;
  "has_img_google": boolean;
  "has_img_twitter": boolean;
}

interface EmojiEntry extends Entry {
  category: string;
  subcategory: string;
  "sort_order": number;
  "skin_variations"?: Record<string, Entry>;
}

/** Sub-categories of fewer than six emoji join one that looks alike. */
const JOINED: Record<string, string> = {
  "animal-amphibian": "animal-reptile",
  "currency": "money",
  "face-glasses": "face-smiling",
  "face-hat": "face-smiling",
  "gender": "other-symbol",
  "hand-prop": "hands",
  "hotel": "place-other",
  "monkey-face": "cat-face",
  "person-resting": "person-activity",
  "subdivision-flag": "flag",
};

/** Left out: five plain skin-tone swatches. */
const DROPPED = new Set(["skin-tone"]);

/** The fewest emoji that make a class. */
const SMALLEST_CLASS = 6;

/**
 * Returns the emoji of each class, classes by name, emoji in Unicode's order.
 *
 * @param json The text of `emoji.json`.
 * @throws {RangeError} If a class has fewer than six emoji.
 */
export function groupEmoji(json: string): Map<string, Emoji[]> {
  const entries = (JSON.parse(json) as EmojiEntry[])
    .filter((entry) => isDrawn(entry) && !DROPPED.has(entry.subcategory))
    .sort((a, b) => a["sort_order"] - b["sort_order"]);
  const groups = Map.groupBy(
    entries.map(toEmoji),
    ({ subcategory }) => JOINED[subcategory] ?? subcategory,
  );
  for (const [name, group] of groups) {
    if (group.length < SMALLEST_CLASS) {
      throw new RangeError(
        `Cannot make the emoji class "${name}": got ${group.length} emoji, ` +
          `wanted at least ${SMALLEST_CLASS}`,
      );
    }
  }
  return new Map([...groups].sort(([a], [b]) => a < b ? -1 : 1));
}

function isDrawn(entry: Entry): boolean {
  return entry["has_img_google"] && entry["has_img_twitter"];
}

function toEmoji(entry: EmojiEntry): Emoji {
  const tones = Object.values(entry["skin_variations"] ?? {});
  return {
    category: entry.category,
    subcategory: entry.subcategory,
    plain: toCell(entry),
    toned: tones.filter(isDrawn).map(toCell),
  };
}

function toCell(entry: Entry): Cell {
  return { column: entry["sheet_x"], row: entry["sheet_y"] };
}
