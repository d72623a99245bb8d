/**
 * Sizes of a vision transformer that its tensors tell, and those that they do
 * not.
 *
 * @module
 */

import { hinted } from "../../errors.ts";
import type { VitConfig } from "../vit.ts";
import type { Checkpoint, Description } from "./checkpoint.ts";
import { toldClasses, toldSize, type Witness } from "./told_sizes.ts";

/** Widths whose heads are not 64 wide. Source: Zhai et al., Scaling Vision
 * Transformers, 2022, and timm's table of models for 1152. */
const HEADS: ReadonlyMap<number, number> = new Map([
  [1152, 16],
  [1280, 16],
  [1408, 16],
  [1664, 16],
]);

/** What {@linkcode vitSizes} is told. */
export interface VitSizes {
  /** How the model's tensors are stored. */
  readonly recipe: Description["recipe"];
  readonly depth: number;
  /** Tokens in front of the patches that have a position; left out, one. */
  readonly placed?: number;
  /** As the checkpoint states them; left out, they follow from the width. */
  readonly heads?: number;
  /** As the configuration beside the checkpoint states them. */
  readonly stated?: { readonly width?: number; readonly depth?: number };
  readonly eps: number;
}

/** What {@linkcode vitSizes} finds. */
export type ReadSizes =
  & Pick<Description, "hint" | "problem">
  & { readonly config: VitConfig };

/** Puts a configuration together; NaN where no tensor tells a size. */
export function vitSizes(checkpoint: Checkpoint, sizes: VitSizes): ReadSizes {
  const { recipe, depth, placed = 1, eps } = sizes;
  const told = (...witnesses: Witness[]) =>
    toldSize(checkpoint, recipe, witnesses);
  const patch = "patch_embed.proj.weight";
  const patchSize = told([patch, [0, 0, NaN, 0]]);
  const width = toldSize(checkpoint, recipe, widthWitnesses(depth));
  const tokens = told(["pos_embed", [1, NaN, 0]]);
  const unclassed = hasNoClassToken(checkpoint, recipe, tokens);
  const positions = unclassed ? tokens : tokens - placed;
  const side = Math.sqrt(positions);
  const grid = Number.isInteger(side) ? side : NaN;
  const heads = sizes.heads ?? HEADS.get(width) ?? width / 64;
  const config: VitConfig = {
    architecture: "vit",
    imageSize: grid * patchSize,
    patchSize,
    channels: told([patch, [0, NaN, 0, 0]]),
    width,
    depth,
    heads,
    mlpHidden: toldSize(checkpoint, recipe, hiddenWitnesses(depth)),
    classes: toldClasses(checkpoint, recipe, "head"),
    eps,
  };
  const problem = problemOf(checkpoint, { config, positions }, sizes);
  return {
    config,
    ...problem ? { problem } : {},
    ...unclassed
      ? {
        hint: `its ${tokens} positions are those of patches alone, as in ` +
          "models that average their tokens; only models that read a class " +
          "token can be used",
      }
      : {},
  };
}

/** A square number of positions leaves none to a class token. */
function hasNoClassToken(
  { file }: Checkpoint,
  recipe: Description["recipe"],
  tokens: number,
): boolean {
  const [{ name }] = recipe("cls_token", [1, 1, NaN]).parts;
  return !file.entries.has(name) && Number.isInteger(Math.sqrt(tokens));
}

function* widthWitnesses(depth: number): Generator<Witness> {
  for (const name of ["norm.weight", "norm.bias"]) yield [name, [NaN]];
  yield ["cls_token", [1, 1, NaN]];
  yield ["patch_embed.proj.weight", [NaN, 0, 0, 0]];
  yield ["pos_embed", [1, 0, NaN]];
  for (let block = 0; block < depth; block++) {
    for (const module of ["norm1", "norm2"]) {
      yield [`blocks.${block}.${module}.weight`, [NaN]];
      yield [`blocks.${block}.${module}.bias`, [NaN]];
    }
    yield [`blocks.${block}.attn.proj.bias`, [NaN]];
    yield [`blocks.${block}.mlp.fc2.bias`, [NaN]];
  }
}

function* hiddenWitnesses(depth: number): Generator<Witness> {
  for (let block = 0; block < depth; block++) {
    yield [`blocks.${block}.mlp.fc1.weight`, [NaN, 0]];
    yield [`blocks.${block}.mlp.fc1.bias`, [NaN]];
    yield [`blocks.${block}.mlp.fc2.weight`, [0, NaN]];
  }
}

/** Why sizes do not fit each other or what is stated of them. */
function problemOf(
  { path }: Checkpoint,
  { config, positions }: { config: VitConfig; positions: number },
  { stated = {} }: VitSizes,
): Error | undefined {
  const cannot = `Cannot read the backbone ${path}: got `;
  const { width, depth, heads, patchSize } = config;
  for (const [what, size] of Object.entries({ width, depth })) {
    const wanted = stated[what as "width" | "depth"];
    if (wanted === undefined || wanted === size) continue;
    return hinted(
      new RangeError(
        `${cannot}tensors of ${what} ${size} beside a config.json of ` +
          `${what} ${wanted}, wanted the configuration of the same model`,
      ),
      "put the weights into a folder with their own config.json, or none",
    );
  }
  if (!Number.isInteger(Math.sqrt(positions)) || positions < 1) {
    return new RangeError(
      `${cannot}${positions} positions and patches of ${patchSize} × ` +
        `${patchSize}, wanted a square grid of squares`,
    );
  }
  if (Number.isInteger(heads)) return undefined;
  return hinted(
    new RangeError(
      `${cannot}width ${width} and no number of heads, wanted one to be ` +
        "stated where heads are not 64 wide",
    ),
    "config.json beside the file may state it: num_attention_heads, or " +
      "num_heads under model_args",
  );
}
