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
import {
  probabilities,
  probabilitiesShader,
  type ScoreSizes,
  scoreSlopes,
  slopesShader,
} from "./attention_scores.ts";
import type { Dispatch, LoweringContext, Shader } from "./kernel.ts";
import { type HeadPlaces, uniformOf } from "./matmul_common.ts";
import { variantGrid } from "./matmul_variant.ts";
import { matmulVectorsShader } from "./matmul_vectors.ts";
import { takeTokens } from "./token_range.ts";

/** Every shader that attention by products may use. */
export const productShaders: readonly Shader[] = [
  matmulVectorsShader,
  probabilitiesShader,
  slopesShader,
  ...takeTokens.shaders,
];

/** Numbers of scores that are at hand at a time, unless a head has more. */
const MOST = 2 ** 21;

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
  readonly #stride: number;

  constructor(sizes: AttentionSizes, turn: Turn) {
    this.#sizes = sizes;
    this.#turn = turn;
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
    const head = this.#sizes.tokens * this.#stride;
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

  product(
    [a, b, y]: readonly [a: Rows, b: Rows, y: Rows],
    [n, k]: readonly [n: number, k: number],
    { transA = 0, transB = 0, alpha = 1 } = {},
  ): Dispatch {
    const { images, heads } = this.#turn;
    const m = this.#sizes.tokens;
    const tile = "vectors 16x16";
    const items = images * heads;
    // The tiles of a head are few and seldom a multiple of eight.
    const lanes = [1, 1, 8] as const;
    const rows = { aRow: a.row, bRow: b.row, yRow: y.row };
    const chunk = 4 * Math.ceil(k / 4);
    const each = { images, heads, a, b, y };
    const form = { m, n, k, transA, transB, alpha };
    return {
      shader: matmulVectorsShader,
      places: [a.place, b.place, undefined, undefined, y.place, undefined],
      constants: {},
      grid: variantGrid({ m, n }, { tile, lanes, chunks: items }),
      uniform: uniformOf(
        { ...form, ...rows, chunk, chunks: 1, lanes, each },
        alpha,
        0,
      ),
    };
  }
}

/** A row of scores, in numbers: whole vectors. */
function strideOf({ tokens }: AttentionSizes): number {
  return 4 * Math.ceil(tokens / 4);
}

function turnsOf(sizes: AttentionSizes): Turn[] {
  const { batch, heads, tokens } = sizes;
  const head = tokens * strideOf(sizes);
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

/** Scratch memory for the scores of the largest turn. */
function takeScores(
  sizes: AttentionSizes,
  turns: readonly Turn[],
  { scratch }: LoweringContext,
): Place {
  const [{ images, heads }] = turns;
  return scratch([images * heads * sizes.tokens, strideOf(sizes)]);
}

/** The keys by themselves: both operands of a product are bound as writable. */
function takeKeys(
  qkv: Place,
  { batch, tokens, heads, vectors }: AttentionSizes,
  context: LoweringContext,
): [keys: Place, dispatches: Dispatch[]] {
  const width = heads * vectors * 4;
  const keys = context.scratch([batch * tokens, width]);
  const dispatches = takeTokens.lower({
    kernel: takeTokens.name,
    inputs: [qkv],
    outputs: [keys],
    attributes: { batch: batch * tokens, tokens: 3, width, start: 1, count: 1 },
  }, context);
  return [keys, dispatches];
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
  const scores = takeScores(sizes, turns, context);
  const [keys, dispatches] = takeKeys(qkv, sizes, context);
  for (const turn of turns) {
    const at = new Heads(sizes, turn);
    const s = at.scores(scores);
    dispatches.push(
      at.product(
        [at.rows(qkv, 3, 0), at.rows(keys), s],
        [tokens, columns],
        { transB: 1, alpha: scale },
      ),
      probabilities(scores, lse, at.scoreSizes),
      at.product([s, at.rows(qkv, 3, 2), at.rows(o)], [columns, tokens]),
    );
  }
  return dispatches;
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
  const scores = takeScores(sizes, turns, context);
  const slopes = takeScores(sizes, turns, context);
  const [keys, dispatches] = takeKeys(qkv, sizes, context);
  for (const turn of turns) {
    const at = new Heads(sizes, turn);
    const [s, ds] = [at.scores(scores), at.scores(slopes)];
    const upstream = at.rows(dout);
    const [q, k, v] = [0, 1, 2].map((part) => at.rows(qkv, 3, part));
    const [dq, dk, dv] = [0, 1, 2].map((part) => at.rows(dqkv, 3, part));
    const narrow = [tokens, columns] as const;
    const wide = [columns, tokens] as const;
    dispatches.push(
      at.product([q, at.rows(keys), s], narrow, { transB: 1, alpha: scale }),
      at.product([upstream, v, ds], narrow, { transB: 1 }),
      scoreSlopes([scores, slopes, lse, delta], at.scoreSizes),
      at.product([s, upstream, dv], wide, { transA: 1 }),
      at.product([ds, k, dq], wide),
      at.product([ds, q, dk], wide, { transA: 1 }),
    );
  }
  return dispatches;
}
