/**
 * What a forward pass computes inside: the queries, keys and values of every
 * attention, and what every ALoRE adapter mixes.
 *
 * The forward pass is traced as ever and keeps more of its values as outputs, so
 * that any engine can run it.
 *
 * @module
 */

import type { HostArray } from "../../../kernels/engine.ts";
import type { Split } from "../../data/dataset.ts";
import { checkPlan } from "../../graph/check_plan.ts";
import { Graph, type Node, type Value } from "../../graph/graph.ts";
import { plan } from "../../graph/plan.ts";
import type { AdaptedModel } from "../../models/adapted_model.ts";
import type { Preprocess } from "../../models/backbone.ts";
import { Batches } from "../../train/batches.ts";

/** An attention of the network, in the order of its blocks. */
export interface AttentionValues {
  readonly tokens: number;
  readonly heads: number;
  readonly width: number;
  /** `[images, tokens, 3 · width]`, as q | k | v. */
  readonly qkv: Float32Array;
}

/** An ALoRE adapter, in the order of the forward pass. */
export interface AdapterValues {
  /** Such as `blocks.0.attn`. */
  readonly name: string;
  /** The full name of its S, which others may share. */
  readonly mixName: string;
  /** Of each image; one where only the class token goes through. */
  readonly tokens: number;
  readonly experts: number;
  readonly rank: number;
  /** What enters it, `[images, tokens, width]`. */
  readonly x: Float32Array;
  /** Σₐ Sₑ[a, b] x[a] Dₑ, `[images, tokens, chunk b, expert e, rank]`. */
  readonly mixed: Float32Array;
}

/** All of it, of some images. */
export interface Internals {
  readonly images: number;
  /** `[images, classes]`. */
  readonly logits: Float32Array;
  readonly attentions: readonly AttentionValues[];
  readonly adapters: readonly AdapterValues[];
}

/** Images at once; a few are looked at, and much is kept of each. */
const BATCH = 4;

/**
 * Runs images through a model.
 *
 * @throws {RangeError} If the engine cannot hold it.
 */
export async function readInternals(
  model: AdaptedModel,
  split: Split,
  preprocess: Preprocess,
): Promise<Internals> {
  const { imageSize, channels } = model.spec.config;
  const batchSize = Math.min(BATCH, split.count);
  const graph = new Graph();
  const size = [batchSize, channels, imageSize, imageSize];
  const logits = model.trace(graph.input("images", size), model.tensors(graph));
  const attentions = graph.nodes.filter(({ op }) => op.name === "attention");
  const mixes = graph.nodes.filter(({ op }) => op.name === "aggregate_experts");
  const inputs = mixes.map((node) => inputOf(node));
  const outputs: [string, Value][] = [
    ["logits", logits],
    ...attentions.map((
      { inputs: [qkv] },
      i,
    ): [string, Value] => [`qkv ${i}`, qkv!]),
    ...mixes.flatMap((
      { outputs: [, , mixed] },
      i,
    ): [string, Value][] => [[`mixed ${i}`, mixed], [`x ${i}`, inputs[i].x]]),
  ];
  const made = plan({
    label: `inspection of ${batchSize} images`,
    graph,
    outputs: Object.fromEntries(outputs),
    memories: model.memories,
    bufferBytes: model.engine.limits.bufferBytes,
  });
  checkPlan(made, model.engine.limits);
  const program = await model.engine.compile(made);
  const batches = new Batches(split, {
    batchSize,
    imageSize,
    preprocess,
    seed: 0,
  });
  const found = new Map(
    outputs.map(([name, { count }]) =>
      [name, new Float32Array(count / batchSize * split.count)] as const
    ),
  );
  try {
    const batch = batches.allocate();
    for (let step = 0; step < batches.steps; step++) {
      batches.fill(batch, step);
      const results = await program.run({ images: batch.images });
      keep(found, results, { step, batchSize, count: split.count });
    }
  } finally {
    program.close();
  }
  return {
    images: split.count,
    logits: found.get("logits")!,
    attentions: attentions.map(({ attributes }, i) => ({
      tokens: attributes.tokens,
      heads: attributes.heads,
      width: attributes.width,
      qkv: found.get(`qkv ${i}`)!,
    })),
    adapters: mixes.map(({ attributes: { rows, experts, rank } }, i) => ({
      name: inputs[i].name,
      mixName: inputs[i].mixName,
      tokens: rows / batchSize,
      experts,
      rank,
      x: found.get(`x ${i}`)!,
      mixed: found.get(`mixed ${i}`)!,
    })),
  };
}

/** Copies the images of a batch to their places; a short batch is cut. */
function keep(
  found: ReadonlyMap<string, Float32Array>,
  results: Readonly<Record<string, HostArray>>,
  { step, batchSize, count }: {
    step: number;
    batchSize: number;
    count: number;
  },
): void {
  for (const [name, all] of found) {
    const each = all.length / count;
    const images = Math.min(batchSize, count - step * batchSize);
    const values = results[name].subarray(0, images * each);
    all.set(values, step * batchSize * each);
  }
}

/** What enters an adapter, and its tensors' names. */
function inputOf(
  { inputs: [x, down, , scale] }: Node,
): { name: string; mixName: string; x: Value } {
  const name = storedBehind(down);
  const mixName = storedBehind(scale);
  const match = /^adapter\.(.*)\.down$/.exec(name ?? "");
  if (x && match && mixName) return { name: match[1], mixName, x };
  throw new TypeError(
    `Cannot inspect the adapters: got experts on ${name}, wanted them on an ` +
      "adapter's D",
  );
}

/** The name of the tensor that ops on one value each were applied to. */
function storedBehind(value: Value | undefined): string | undefined {
  const source = value?.root.source;
  if (source?.kind === "stored") return source.name;
  return source?.kind === "node"
    ? storedBehind(source.node.inputs[0])
    : undefined;
}
