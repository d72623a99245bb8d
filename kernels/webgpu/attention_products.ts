/**
 * Attention and its gradient as matrix products: for software adapters.
 *
 *     s = scale·q·kᵀ,  p = softmax(s),  o = p·v
 *     dv = pᵀ·do,  dp = do·vᵀ,  dq = ds·k,  dk = dsᵀ·q
 *
 * On a processor scores lie in its cache instead of registers: heads take turns,
 * as many at a time as a small scratch memory has room for, and no probability
 * outlives its turn. All products go through the pipeline that linear layers
 * need anyhow. Kernels for attention alone, four queries an invocation, made a
 * step of ViT-Ti on images of 32 pixels 6 % faster, but took 5.3 s to compile
 * (llvmpipe of Mesa 25.0), which was half of the first step.
 *
 * Shapes and formulas as in attention.ts and attention_gradient.ts.
 *
 * @module
 */
import type { Place } from "../engine.ts";
import type { AttentionSizes } from "./attention.ts";
import { copyKeys, keysShader } from "./attention_keys.ts";
import {
  probabilities,
  probabilitiesShader,
  type ScoreSizes,
  scoreSlopes,
  slopesShader,
} from "./attention_scores.ts";
import type {
  AdapterClass,
  Dispatch,
  Grid,
  LoweringContext,
  Shader,
} from "./kernel.ts";
import { type HeadPlaces, matmulUniform } from "./matmul_common.ts";
import { matmulSubgroupShader } from "./matmul_subgroup.ts";
import {
  type Lanes,
  variantGrid,
  type VectorTile,
  vectorTile,
} from "./matmul_variant.ts";
import { matmulVectorsShader } from "./matmul_vectors.ts";

/** Every shader that attention by products may use. */
export const productShaders: readonly Shader[] = [
  matmulSubgroupShader,
  matmulVectorsShader,
  keysShader,
  probabilitiesShader,
  slopesShader,
];

const SHADERS: Readonly<Record<VectorTile, Shader>> = {
  "subgroup 32x32": matmulSubgroupShader,
  "vectors 16x16": matmulVectorsShader,
};

/**
 * Numbers of scores that are at hand at a time, unless a head has more: of at
 * most 2¹⁵ heads, so many as one dimension of a grid has room for.
 */
const MOST = 2 ** 19;

/** The scores of a head of longer sequences take too much memory. */
const LONGEST = 2048;

/** Whether products are the way for an adapter and some sizes. */
export function suitsProducts(
  software: boolean,
  { tokens }: AttentionSizes,
): boolean {
  return software && tokens <= LONGEST;
}

/** Heads of images that take their turn together. */
interface Turn {
  readonly image: number;
  readonly images: number;
  readonly head: number;
  readonly heads: number;
}

/** Rows of heads in a tensor. */
interface Rows extends HeadPlaces {
  readonly place: Place;
  /** Numbers from a row to the next. */
  readonly row: number;
}

/** The operands of attention; q, k and v are parts 0, 1 and 2 of q|k|v. */
class Heads {
  readonly #sizes: AttentionSizes;
  readonly #turn: Turn;
  readonly #tile: VectorTile;
  readonly #stride: number;

  constructor(sizes: AttentionSizes, turn: Turn, adapter: AdapterClass) {
    this.#sizes = sizes;
    this.#turn = turn;
    this.#tile = vectorTile(adapter);
    this.#stride = strideOf(sizes);
  }

  /** Part of a tensor (B, T, parts·H·c). */
  rows(place: Place, parts = 1, part = 0): Rows {
    const { tokens, heads, vectors } = this.#sizes;
    const columns = 4 * vectors;
    const width = heads * columns;
    const row = parts * width;
    const image = tokens * row;
    const { image: firstImage, head } = this.#turn;
    const first = firstImage * image + part * width + head * columns;
    return { place, row, first, image, head: columns };
  }

  /** The scratch memory of scores. */
  scores(place: Place): Rows {
    const head = this.#stride ** 2;
    const image = this.#turn.heads * head;
    return { place, row: this.#stride, first: 0, image, head };
  }

  get scoreSizes(): ScoreSizes {
    const { tokens, heads, scale } = this.#sizes;
    const { images, image, head, heads: some } = this.#turn;
    const first = (image * heads + head) * tokens;
    const statistics = { first, image: heads * tokens, head: tokens };
    const vectors = this.#stride / 4;
    return { images, heads: some, tokens, vectors, scale, statistics };
  }

  /** The keys at hand, which {@linkcode copyKeys} took out of q|k|v. */
  keys(place: Place): Rows {
    const columns = 4 * this.#sizes.vectors;
    const row = this.#turn.heads * columns;
    const image = this.#sizes.tokens * row;
    return { place, row, first: 0, image, head: columns };
  }

  copyKeys(qkv: Place, keys: Place): Dispatch {
    const { row: stride, first } = this.rows(qkv, 3, 1);
    const { row } = this.keys(keys);
    const rows = this.#turn.images * this.#sizes.tokens;
    return copyKeys([qkv, keys], { rows, row, stride, first });
  }

  product(
    [a, b, y]: readonly [a: Rows, b: Rows, y: Rows],
    [n, k]: readonly [n: number, k: number],
    { transA = 0, transB = 0, alpha = 1 } = {},
  ): Dispatch {
    const { images, heads } = this.#turn;
    const m = this.#sizes.tokens;
    const rows = { aRow: a.row, bRow: b.row, yRow: y.row };
    const chunk = 4 * Math.ceil(k / 4);
    const each = { images, heads, a, b, y };
    const form = { m, n, k, transA, transB, alpha };
    const tile = this.#tile;
    const [lanes, grid] = spread({ m, n, transA }, tile, images * heads);
    return {
      shader: SHADERS[tile],
      places: [a.place, b.place, undefined, undefined, y.place, undefined],
      constants: {},
      grid,
      uniform: matmulUniform(
        { ...form, ...rows, chunk, chunks: 1, lanes, each },
        alpha,
        0,
      ),
    };
  }
}

/**
 * Of tiles that a lane makes: the same one of eight heads, or eight of a head.
 */
const SPREADS: Readonly<Record<VectorTile, readonly Lanes[]>> = {
  "subgroup 32x32": [[1, 1, 1]],
  "vectors 16x16": [[1, 1, 8], [8, 1, 1], [4, 2, 1]],
};

/** The workgroups with the fewest idle invocations. */
function spread(
  shape: Parameters<typeof variantGrid>[0],
  tile: VectorTile,
  items: number,
): [lanes: Lanes, grid: Grid] {
  const choices = SPREADS[tile].map((lanes): [Lanes, Grid] => [
    lanes,
    variantGrid(shape, { tile, lanes, chunks: items }),
  ]);
  const groupsOf = ([x, y, z]: Grid) => x * y * z;
  return choices.reduce((best, next) =>
    groupsOf(next[1]) < groupsOf(best[1]) ? next : best
  );
}

/** Rows of scores, and numbers in each: whole vectors. */
function strideOf({ tokens }: AttentionSizes): number {
  return 4 * Math.ceil(tokens / 4);
}

function turnsOf(sizes: AttentionSizes): Turn[] {
  const { batch, heads } = sizes;
  const head = strideOf(sizes) ** 2;
  const headsAtOnce = Math.min(heads, Math.max(1, Math.floor(MOST / head)));
  const imagesAtOnce = Math.max(1, Math.floor(MOST / head / heads));
  const turns: Turn[] = [];
  for (let image = 0; image < batch; image += imagesAtOnce) {
    const images = Math.min(imagesAtOnce, batch - image);
    for (let first = 0; first < heads; first += headsAtOnce) {
      const some = Math.min(headsAtOnce, heads - first);
      turns.push({ image, images, head: first, heads: some });
    }
  }
  return turns;
}

/** Memory for the keys and for matrices of scores of the first, largest turn. */
function takeScratch(
  sizes: AttentionSizes,
  [{ images, heads }]: readonly Turn[],
  { scratch }: LoweringContext,
): { keys: Place; scores: Place; slopes: () => Place } {
  const { tokens, vectors } = sizes;
  const matrices = () => scratch([images * heads, strideOf(sizes) ** 2]);
  const keys = scratch([images * tokens, heads * vectors * 4]);
  return { keys, scores: matrices(), slopes: matrices };
}

/** Attention; the rows of heads are whole vectors. */
export function attentionProducts(
  { qkv, o, lse }: { qkv: Place; o: Place; lse: Place | undefined },
  sizes: AttentionSizes,
  context: LoweringContext,
): Dispatch[] {
  const { tokens, vectors, scale } = sizes;
  const columns = 4 * vectors;
  const turns = turnsOf(sizes);
  const { keys, scores } = takeScratch(sizes, turns, context);
  return turns.flatMap((turn) => {
    const at = new Heads(sizes, turn, context);
    const s = at.scores(scores);
    return [
      at.copyKeys(qkv, keys),
      at.product(
        [at.rows(qkv, 3, 0), at.keys(keys), s],
        [tokens, columns],
        { transB: 1, alpha: scale },
      ),
      probabilities(scores, lse, at.scoreSizes),
      at.product([s, at.rows(qkv, 3, 2), at.rows(o)], [columns, tokens]),
    ];
  });
}

/** The gradient of attention; the rows of heads are whole vectors. */
export function attentionGradientProducts(
  { dout, qkv, lse, delta, dqkv }: Record<
    "dout" | "qkv" | "lse" | "delta" | "dqkv",
    Place
  >,
  sizes: AttentionSizes,
  context: LoweringContext,
): Dispatch[] {
  const { tokens, vectors, scale } = sizes;
  const columns = 4 * vectors;
  const turns = turnsOf(sizes);
  const scratch = takeScratch(sizes, turns, context);
  const { keys, scores } = scratch;
  const slopes = scratch.slopes();
  return turns.flatMap((turn) => {
    const at = new Heads(sizes, turn, context);
    const [s, ds] = [at.scores(scores), at.scores(slopes)];
    const upstream = at.rows(dout);
    const [q, k, v] = [0, 1, 2].map((part) => at.rows(qkv, 3, part));
    const [dq, dk, dv] = [0, 1, 2].map((part) => at.rows(dqkv, 3, part));
    const narrow = [tokens, columns] as const;
    const wide = [columns, tokens] as const;
    return [
      at.copyKeys(qkv, keys),
      at.product([q, at.keys(keys), s], narrow, { transB: 1, alpha: scale }),
      at.product([upstream, v, ds], narrow, { transB: 1 }),
      scoreSlopes([scores, slopes, lse, delta], at.scoreSizes),
      at.product([s, upstream, dv], wide, { transA: 1 }),
      at.product([ds, k, dq], wide),
      at.product([ds, q, dk], wide, { transA: 1 }),
    ];
  });
}
