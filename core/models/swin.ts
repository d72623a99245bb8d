/**
 * Swin transformer with timm's semantics and tensor names.
 *
 *     x = norm(patch_embed(images))
 *     x = reduction(norm(squares of 2 by 2 tokens))  before later stages
 *     x = x + join(proj(attention(qkv(cut(norm1(x))))))     in every block
 *     x = x + fc2(gelu(fc1(norm2(x))))
 *     logits = fc(mean(norm(x)))
 *
 * Windows are shifted by half in every second block, and not at all where one
 * window covers the map. A map that is no multiple of the window is filled up
 * with zeros behind norm1 and the shift, as in timm; torchvision fills up before
 * the shift, so that the two differ there and only there.
 *
 * What a method puts before qkv sees the windows, zeros included, and therefore
 * folds into qkv without a difference, its bias too.
 *
 * Source: Liu et al., Swin Transformer, 2021.
 *
 * @module
 */

import type { Value } from "../graph/graph.ts";
import type { BlockShape, ModelShape } from "../methods/method.ts";
import { linear } from "../ops/matmul.ts";
import { meanTokens } from "../ops/mean_tokens.ts";
import { patches } from "../ops/patches.ts";
import { spaceToDepth } from "../ops/space_to_depth.ts";
import { windowAttention } from "../ops/window_attention.ts";
import { windowPartition, windowReverse } from "../ops/windows.ts";
import type {
  Architecture,
  BackboneTensor,
  ImageConfig,
  Trace,
} from "./architecture.ts";
import { checkEps, checkWhole, refuse } from "./check_sizes.ts";
import { addBranch, linearLayer, normLayer, TensorList } from "./layers.ts";

/** Sizes of a Swin transformer. */
export interface SwinConfig extends ImageConfig {
  /** Tells it from the sizes of other architectures. */
  readonly architecture: "swin";
  /** Height and width of a patch, in pixels; it divides the image size. */
  readonly patchSize: number;
  /** Features per token in the first stage; it doubles from stage to stage. */
  readonly width: number;
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  /** Attention heads of each stage; a head has a multiple of 4 features. */
  readonly heads: readonly number[];
  /** Side of a window in tokens; a smaller map is one window. */
  readonly window: number;
  /** Hidden features of each MLP per feature, usually 4. */
  readonly mlpRatio: number;
  /** Of every layer norm; timm uses 1e-5. */
  readonly eps: number;
}

/** The architecture. */
export const swin: Architecture<SwinConfig> = {
  name: "swin",
  check,
  tensors,
  shape,
  trace,
};

function check(config: SwinConfig): void {
  const { architecture: _, eps, ...sizes } = config;
  checkWhole(sizes);
  checkEps(eps);
  const { imageSize, patchSize, depths, heads } = config;
  if (imageSize % patchSize !== 0) {
    refuse(
      `image size ${imageSize} and patch size ${patchSize}`,
      "a multiple of the patch size",
    );
  }
  if (depths.length !== heads.length) {
    refuse(
      `${depths.length} depths and ${heads.length} numbers of heads`,
      "one of each for every stage",
    );
  }
  for (const { width, heads: count } of stagesOf(config)) {
    if (width % (4 * count) === 0) continue;
    refuse(
      `width ${width} and ${count} heads`,
      "a multiple of 4 for each head",
    );
  }
}

/** A stage and the map in it. */
interface Stage {
  readonly name: string;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  /** Side of the map, in tokens. */
  readonly size: number;
  /** Side of the windows, and the shift of every second block. */
  readonly window: number;
  readonly shift: number;
}

function stagesOf(config: SwinConfig): Stage[] {
  let size = config.imageSize / config.patchSize;
  return config.depths.map((depth, stage) => {
    // What is left over makes a token with zeros.
    if (stage > 0) size = Math.ceil(size / 2);
    const whole = size <= config.window;
    return {
      name: `layers.${stage}`,
      width: config.width * 2 ** stage,
      depth,
      heads: config.heads[stage],
      size,
      window: whole ? size : config.window,
      shift: whole ? 0 : Math.floor(config.window / 2),
    };
  });
}

function tensors(config: SwinConfig): Map<string, BackboneTensor> {
  const { width, channels, patchSize, mlpRatio, classes } = config;
  const list = new TensorList();
  const kernel = [width, channels, patchSize, patchSize];
  list.convolution("patch_embed.proj", kernel);
  list.norm("patch_embed.norm", width);
  const stages = stagesOf(config);
  for (
    const [index, { name, width, depth, heads, window }] of stages.entries()
  ) {
    if (index > 0) {
      list.norm(`${name}.downsample.norm`, 2 * width);
      list.weight(`${name}.downsample.reduction.weight`, [width, 2 * width]);
    }
    for (let i = 0; i < depth; i++) {
      const block = `${name}.blocks.${i}`;
      const distances = (2 * window - 1) ** 2;
      list.norm(`${block}.norm1`, width);
      const table = `${block}.attn.relative_position_bias_table`;
      list.weight(table, [distances, heads]);
      list.layer(`${block}.attn.qkv`, [3 * width, width]);
      list.layer(`${block}.attn.proj`, [width, width]);
      list.norm(`${block}.norm2`, width);
      list.layer(`${block}.mlp.fc1`, [mlpRatio * width, width]);
      list.layer(`${block}.mlp.fc2`, [width, mlpRatio * width]);
    }
  }
  const last = stages[stages.length - 1].width;
  list.norm("norm", last);
  list.layer("head.fc", [classes, last]);
  return list.tensors;
}

function shape(config: SwinConfig): ModelShape {
  const stages = stagesOf(config);
  const blocks = stages.flatMap(({ name, width, depth }) =>
    Array.from(
      { length: depth },
      (_, i) => blockShape(`${name}.blocks.${i}`, width),
    )
  );
  const sizes = [...tensors(config)].map(([name, { shape }]) =>
    [name, shape] as const
  );
  const { width } = stages[stages.length - 1];
  return { width, head: "head.fc", blocks, tensors: new Map(sizes) };
}

function blockShape(name: string, width: number): BlockShape {
  return {
    name,
    width,
    branches: [
      {
        name: `${name}.attn`,
        kind: "attn",
        norm: `${name}.norm1`,
        first: `${name}.attn.qkv`,
        last: `${name}.attn.proj`,
      },
      {
        name: `${name}.mlp`,
        kind: "mlp",
        norm: `${name}.norm2`,
        first: `${name}.mlp.fc1`,
        last: `${name}.mlp.fc2`,
      },
    ],
  };
}

function trace(trace: Trace<SwinConfig>): Value {
  const { config, images, tensor } = trace;
  const cut = patches(images, config.patchSize);
  let x = linearLayer(trace, "patch_embed.proj", cut);
  x = normLayer(trace, "patch_embed.norm", x, config.eps);
  let index = 0;
  for (const [number, stage] of stagesOf(config).entries()) {
    if (number > 0) {
      const name = `${stage.name}.downsample`;
      const squares = spaceToDepth(x, { patch: 2, order: "merge" });
      const normal = normLayer(trace, `${name}.norm`, squares, config.eps);
      x = linear(normal, tensor(`${name}.reduction.weight`));
    }
    for (let i = 0; i < stage.depth; i++, index += 2) {
      const shift = i % 2 === 0 ? 0 : stage.shift;
      const block = { ...stage, name: `${stage.name}.blocks.${i}`, shift };
      x = traceBlock(trace, block, x, index);
    }
  }
  const features = meanTokens(normLayer(trace, "norm", x, config.eps));
  return linearLayer(trace, "head.fc", features);
}

function traceBlock(
  trace: Trace<SwinConfig>,
  { name, size, heads, window, shift }: Stage,
  stream: Value,
  index: number,
): Value {
  const { config: { eps }, tensor } = trace;
  const [batch] = stream.shape;
  const place = { batch, size, window, shift };
  const normal = normLayer(trace, `${name}.norm1`, stream, eps);
  const cut = windowPartition(normal, { window, shift });
  const qkv = linearLayer(trace, `${name}.attn.qkv`, cut);
  const table = tensor(`${name}.attn.relative_position_bias_table`);
  const mixed = windowAttention(qkv, table, { ...place, heads });
  const attn = { name: `${name}.attn`, index };
  const x = addBranch(trace, attn, stream, ({ residual }) => {
    const y = linearLayer(trace, `${name}.attn.proj`, mixed);
    return windowReverse(y, { ...place, residual });
  });
  const mlp = { name: `${name}.mlp`, index: index + 1 };
  return addBranch(trace, mlp, x, (options) => {
    const entering = normLayer(trace, `${name}.norm2`, x, eps);
    const gelu = { activation: "gelu" } as const;
    const hidden = linearLayer(trace, `${name}.mlp.fc1`, entering, gelu);
    return linearLayer(trace, `${name}.mlp.fc2`, hidden, options);
  });
}
