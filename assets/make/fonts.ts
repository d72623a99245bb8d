/** The open fonts: families, faces and the outlines of their characters. */

import { parse } from "opentype.js/dist/opentype.mjs";
import { flatten, type PathCommand } from "./outline.ts";
import type { Contour } from "./rasterize.ts";

/** The few members of an opentype.js font that are used here. */
interface ParsedFont {
  unitsPerEm: number;
  charToGlyph(character: string): {
    index: number;
    getPath(x: number, y: number, size: number): { commands: PathCommand[] };
  };
}

/** One file of a family: a weight, upright or italic. */
export interface Face {
  name: string;
  font: ParsedFont;
  outlines: Map<string, Contour[]>;
}

/** A family with its licence as its package states it. */
export interface Family {
  id: string;
  name: string;
  category: string;
  licence: string;
  attribution: string;
  version: string;
  /** Whether small letters look different from capitals. */
  hasSmallLetters: boolean;
  faces: Face[];
}

/** Licences whose fonts may be drawn from for a model that is given away. */
const LICENCES = new Set(["OFL-1.1", "Apache-2.0"]);

/** The weights that are used where a family has them. */
const WEIGHTS = ["300", "400", "700", "900"];

/** Families whose small letters are drawn as capitals. */
const CAPITALS_ONLY = new Set([
  "amatic-sc",
  "bangers",
  "bebas-neue",
  "bungee",
  "cinzel",
  "creepster",
  "luckiest-guy",
  "monoton",
  "permanent-marker",
  "rock-salt",
  "walter-turncoat",
]);

/** How finely each curve and each straight edge is cut. */
const STEPS = 5;

/**
 * Reads every family under `directory` (the `@fontsource` scope of a
 * `node_modules`), in the order of their names.
 *
 * @throws {RangeError} if a family's licence is not a known open one.
 */
export function readFamilies(directory: string): Family[] {
  const ids = [...Deno.readDirSync(directory)].map((entry) => entry.name);
  return ids.sort().map((id) => readFamily(`${directory}/${id}`, id));
}

function readFamily(directory: string, id: string): Family {
  const metadata = readJson(`${directory}/metadata.json`) as {
    family: string;
    category: string;
    license: { type: string; attribution: string };
  };
  const manifest = readJson(`${directory}/package.json`) as {
    version: string;
    license: string;
  };
  const licence = metadata.license.type;
  if (!LICENCES.has(licence) || manifest.license !== licence) {
    throw new RangeError(
      `Cannot draw from the font "${id}": got the licence ${licence} ` +
        `(package: ${manifest.license}), wanted ${[...LICENCES].join(" or ")}`,
    );
  }
  const wanted = new RegExp(
    `-latin-(${WEIGHTS.join("|")})-(normal|italic)\\.woff$`,
  );
  const files = [...Deno.readDirSync(`${directory}/files`)]
    .map((entry) => entry.name).filter((name) => wanted.test(name)).sort();
  return {
    id,
    name: metadata.family,
    category: metadata.category,
    licence,
    attribution: metadata.license.attribution,
    version: manifest.version,
    hasSmallLetters: !CAPITALS_ONLY.has(id),
    faces: files.map((file) => readFace(`${directory}/files/${file}`, file)),
  };
}

function readFace(path: string, file: string): Face {
  const bytes = Deno.readFileSync(path);
  const font = parse(bytes.buffer) as ParsedFont;
  return { name: file.replace(".woff", ""), font, outlines: new Map() };
}

/**
 * Returns a character's polygons in font units, y down.
 *
 * @throws {RangeError} if the font lacks the character.
 */
export function glyphOutline(face: Face, character: string): Contour[] {
  const known = face.outlines.get(character);
  if (known !== undefined) return known;
  const glyph = face.font.charToGlyph(character);
  const commands = glyph.getPath(0, 0, face.font.unitsPerEm).commands;
  const outline = flatten(commands, STEPS);
  if (glyph.index === 0 || outline.length === 0) {
    throw new RangeError(
      `Cannot draw "${character}": got no outline in ${face.name}, wanted one`,
    );
  }
  face.outlines.set(character, outline);
  return outline;
}

function readJson(path: string): unknown {
  return JSON.parse(Deno.readTextFileSync(path));
}
