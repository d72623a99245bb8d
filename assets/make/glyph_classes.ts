/** The 47 letter and digit classes of EMNIST's balanced split. */

/**
 * Lower-case letters that are folded into their capital, because they differ
 * in size alone or nearly so (Cohen et al. 2017, "EMNIST", section II-B).
 */
const FOLDED = new Set("cijklmopsuvwxyz");

const DIGITS = [..."0123456789"];
const CAPITALS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
const SMALL = [..."abcdefghijklmnopqrstuvwxyz"];

/** One class: its name and the characters that are drawn for it. */
export interface GlyphClass {
  name: string;
  characters: string[];
  /** Whether a font without small letters would draw another class. */
  small: boolean;
}

/** Returns the classes in order: digits, capitals, the unlike small letters. */
export function glyphClasses(): GlyphClass[] {
  const capitals = CAPITALS.map((capital) => {
    const small = capital.toLowerCase();
    const characters = FOLDED.has(small) ? [capital, small] : [capital];
    return { name: characters.join("/"), characters, small: false };
  });
  const single = (character: string) => ({
    name: character,
    characters: [character],
    small: SMALL.includes(character),
  });
  const unlike = SMALL.filter((small) => !FOLDED.has(small));
  return [...DIGITS.map(single), ...capitals, ...unlike.map(single)];
}
