/**
 * The ways to make one matrix product, and the rule that picks one.
 *
 * A variant is a tile, for tiles of one invocation how eight of them share a
 * workgroup, and the number of parts that k is split into.
 *
 * @module
 */
import type { KernelCall } from "../engine.ts";
import {
  type AdapterClass,
  attribute,
  type Grid,
  type LoweringContext,
  MAX_GROUPS,
} from "./kernel.ts";

/** A tile by vectors: its family, rows by columns. */
export type VectorTile = "vectors 16x16" | "subgroup 32x32";

/** A tile. */
export type MatmulTile = "register 8x8" | VectorTile | "workgroup 64x64";

/** Invocations along columns, rows and parts of k. */
export type Lanes = readonly [number, number, number];

/** One way to make a product. */
export interface MatmulVariant {
  readonly tile: MatmulTile;
  /** Of a lane's own tile: eight in all, one vector of llvmpipe. */
  readonly lanes?: Lanes;
  /** Parts of k, at least 1. */
  readonly chunks: number;
}

/** Variants by {@linkcode matmulKey}. */
export type MatmulChoices = Pick<ReadonlyMap<string, MatmulVariant>, "get">;

/**
 * Has plans that are compiled from now on make a product, by its
 * {@linkcode matmulKey}, in this way; undefined: as the rule says.
 */
export type ChooseMatmul = (
  key: string,
  variant: MatmulVariant | undefined,
) => void;

/** What decides how fast a variant is, for one adapter. */
export interface MatmulShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA: number;
  readonly transB: number;
  /** The epilogue's bits; see matmul_common.ts. */
  readonly parts: number;
  /** Lengths of stored rows, where a matrix is a part of a larger one. */
  readonly aRow?: number;
  readonly bRow?: number;
  readonly yRow?: number;
}

/** What a rule looks at; left out, nothing is transposed. */
type RuledShape =
  & Pick<MatmulShape, "m" | "n" | "k">
  & Partial<MatmulShape>;

/** What the grid of a product depends on; left out, A is not transposed. */
type GridShape = Pick<RuledShape, "m" | "n" | "transA">;

const PARTS = ["bias", "gelu", "pre", "residual"];

/** Reads the shape of a call. */
export function matmulShape(call: KernelCall): MatmulShape {
  const [m, n, k, transA, transB] = ["m", "n", "k", "transA", "transB"]
    .map((name) => attribute(call, name));
  const parts = (call.inputs[2] ? 1 : 0) |
    (call.attributes.activation ? 2 : 0) |
    (call.outputs[1] ? 4 : 0) | (call.inputs[3] ? 8 : 0);
  const { aRow, bRow, yRow } = call.attributes;
  return { m, n, k, transA, transB, parts, aRow, bRow, yRow };
}

/** Whether all rows, and the steps of k, are whole vectors of four. */
export function suitsVectors(shape: RuledShape): boolean {
  const { m, n, k, transA = 0, transB = 0, yRow = n } = shape;
  const aCount = transA ? m : k;
  const { aRow = aCount, bRow = transB ? k : n } = shape;
  return [aCount, n, k, aRow, bRow, yRow].every((count) => count % 4 === 0);
}

/** A shape as text, such as `2080x768x192 nt bias gelu`. */
export function matmulKey(shape: MatmulShape): string {
  const { m, n, k, transA, transB, parts } = shape;
  const form = `${transA ? "t" : "n"}${transB ? "t" : "n"}`;
  const names = PARTS.filter((_, bit) => parts >> bit & 1);
  return [`${m}x${n}x${k}`, form, ...names].join(" ");
}

/** The shape that {@linkcode matmulKey} wrote, if it is one. */
export function parseMatmulKey(key: string): MatmulShape | undefined {
  const match = /^([1-9]\d*)x([1-9]\d*)x([1-9]\d*) ([nt])([nt])((?: \w+)*)$/
    .exec(key);
  if (!match) return undefined;
  const [m, n, k] = match.slice(1, 4).map(Number);
  const names = match[6].split(" ");
  const parts = PARTS.reduce(
    (bits, name, bit) => bits | (names.includes(name) ? 1 << bit : 0),
    0,
  );
  const transA = match[4] === "t" ? 1 : 0;
  const transB = match[5] === "t" ? 1 : 0;
  const shape = { m, n, k, transA, transB, parts };
  return matmulKey(shape) === key ? shape : undefined;
}

/** A variant in a few words, such as `vectors 16x16 8·1·1 k/2`. */
export function variantName({ tile, lanes, chunks }: MatmulVariant): string {
  const split = chunks > 1 ? [`k/${chunks}`] : [];
  return [tile, ...lanes ? [lanes.join("·")] : [], ...split].join(" ");
}

/** Rows and columns of a tile. */
export function tileSize(tile: MatmulTile): [rows: number, columns: number] {
  const [rows, columns] = tile.slice(tile.indexOf(" ") + 1).split("x");
  return [Number(rows), Number(columns)];
}

// Lanes side by side in a row of B share cache lines, lanes below each other
// in A often collide in the cache. The order of the weights was measured for
// the first, second and fourth on one square shape; the rest are set between.
const WORKGROUPS: readonly { lanes: Lanes; cost: number }[] = [
  { lanes: [8, 1, 1], cost: 1 },
  { lanes: [4, 2, 1], cost: 1.2 },
  { lanes: [2, 4, 1], cost: 1.6 },
  { lanes: [1, 8, 1], cost: 2 },
  { lanes: [1, 1, 8], cost: 2 },
];

/** The grid of a variant. */
export function variantGrid(
  { m, n, transA = 0 }: GridShape,
  { tile, lanes = [1, 1, 1], chunks }: MatmulVariant,
): Grid {
  const [rows, columns] = tileSize(tile);
  const beside = Math.ceil(Math.ceil(n / columns) / lanes[0]);
  const below = Math.ceil(Math.ceil(m / rows) / lanes[1]);
  const parts = Math.ceil(chunks / lanes[2]);
  return tile === "subgroup 32x32" && !transA
    ? [below, beside, parts]
    : [beside, below, parts];
}

/** The workgroups of a tile in registers, the one that should cost least first. */
export function rankLanes(
  shape: GridShape,
  tile: MatmulTile,
  chunks: number,
): Lanes[] {
  const costOf = ({ lanes, cost }: { lanes: Lanes; cost: number }) =>
    variantGrid(shape, { tile, lanes, chunks })
      .reduce((product, size) => product * size, cost);
  return WORKGROUPS.toSorted((a, b) => costOf(a) - costOf(b))
    .map(({ lanes }) => lanes);
}

/** A shorter part of k is not worth writing and adding a result. */
const SHORTEST_CHUNK = 128;

/** The tile by vectors that suits an adapter. */
export function vectorTile({ software, subgroups }: AdapterClass): VectorTile {
  return software && subgroups ? "subgroup 32x32" : "vectors 16x16";
}

/** Tiles that a product is split for, where it has fewer. */
const ENOUGH_TILES: Readonly<Record<MatmulTile, number>> = {
  "register 8x8": 64,
  "vectors 16x16": 64,
  "subgroup 32x32": 16,
  "workgroup 64x64": 256,
};

/** The variant that the adapter's class suggests. */
export function ruleVariant(
  shape: RuledShape,
  { matmulFamily, ...adapter }:
    & AdapterClass
    & Pick<LoweringContext, "matmulFamily">,
): MatmulVariant {
  const family = matmulFamily === "auto"
    ? adapter.software ? "register" : "tile"
    : matmulFamily;
  const tile = family === "tile"
    ? "workgroup 64x64"
    : suitsVectors(shape)
    ? vectorTile(adapter)
    : "register 8x8";
  const chunks = splitOf(shape, tile, ENOUGH_TILES[tile], SHORTEST_CHUNK);
  return variantsOf(shape, tile, chunks)[0];
}

/** A tile with the workgroups that should cost least, the best first. */
function variantsOf(
  shape: RuledShape,
  tile: MatmulTile,
  chunks: number,
): MatmulVariant[] {
  if (tile === "workgroup 64x64" || tile === "subgroup 32x32") {
    return [{ tile, chunks }];
  }
  return rankLanes(shape, tile, chunks)
    .map((lanes) => ({ tile, lanes, chunks }));
}

/** Parts of k so that there are about `wanted` tiles, none empty. */
function splitOf(
  { m, n, k }: { m: number; n: number; k: number },
  tile: MatmulTile,
  wanted: number,
  shortest: number,
): number {
  const [rows, columns] = tileSize(tile);
  const tiles = Math.ceil(m / rows) * Math.ceil(n / columns);
  const longest = Math.floor(k / shortest);
  return evenSplit(k, Math.min(Math.ceil(wanted / tiles), longest));
}

/** At most so many parts of equal length, none empty. */
function evenSplit(k: number, parts: number): number {
  return Math.ceil(k / Math.ceil(k / Math.max(1, parts)));
}

/** Tiles that candidates are split for. */
const WANTED_TILES = [8, 16, 64, 256];

/** A part of k that is tried all the same. */
const SHORTEST_TRIED = 64;

/** Numbers that the parts of a split product may take until they are added. */
const LARGEST_PARTIAL = 2 ** 23;

/** A result that is narrower lets a GPU's lanes idle in a workgroup's tile. */
const NARROW = 64;

/** Products of numbers, a small part of a second on any processor. */
const SMALL = 2 ** 26;

/**
 * The variants worth trying, the rule's first. On hardware register tiles are
 * tried for narrow results only: they keep more numbers than a GPU's registers
 * hold, and a large product would block the device. On a processor a large
 * product by a workgroup's tile takes too long to be worth a try.
 */
export function candidateVariants(
  shape: RuledShape,
  { software, subgroups }: AdapterClass,
): MatmulVariant[] {
  const adapter = { software, subgroups };
  const rule = ruleVariant(shape, { ...adapter, matmulFamily: "auto" });
  const { m, n, k } = shape;
  const tiles: MatmulTile[] = [];
  if (!software || m * n * k <= SMALL) tiles.push("workgroup 64x64");
  if (software || Math.min(m, n) <= NARROW) {
    tiles.push("register 8x8");
    if (suitsVectors(shape)) tiles.push(vectorTile(adapter));
  }
  const candidates = tiles.flatMap((tile) => {
    const splits = WANTED_TILES.map((wanted) =>
      splitOf(shape, tile, wanted, SHORTEST_TRIED)
    );
    return [...new Set([1, ...splits])].flatMap((chunks) =>
      variantsOf(shape, tile, chunks).slice(0, 2)
    );
  }).filter((variant) =>
    variant.chunks * m * n <= LARGEST_PARTIAL || variant.chunks === 1
  ).filter((variant) =>
    variantGrid(shape, variant).every((size) => size <= MAX_GROUPS)
  );
  const names = new Map([rule, ...candidates].map((v) => [variantName(v), v]));
  return [...names.values()];
}
