import assert from "node:assert/strict";
import { differentiate } from "../../../../core/graph/differentiate.ts";
import { Graph } from "../../../../core/graph/graph.ts";
import { plan } from "../../../../core/graph/plan.ts";
import { findMethod } from "../../../../core/methods/mod.ts";
import { readBackbone } from "../../../../core/models/backbone.ts";
import { buildModel } from "../../../../core/models/build_model.ts";
import type { VitConfig } from "../../../../core/models/vit.ts";
import { addOp } from "../../../../core/ops/elementwise.ts";
import {
  readSafetensors,
  toFloat32,
} from "../../../../core/weights/safetensors.ts";
import type { Engine, HostArray } from "../../../../kernels/engine.ts";
import { assertClose } from "../../../support/assert_close.ts";
import { testEngines } from "../../../support/engines.ts";
import { logitsOf } from "../../../support/logits.ts";
import { openReferenceEngine } from "../../../support/reference_engine.ts";
import { TOLERANCE } from "../../../support/tolerance.ts";

const FOLDER = "tests/fixtures/checkpoints/variants";

const expected = await readSafetensors(`${FOLDER}/expected.safetensors`);
const numbers = (name: string) => toFloat32(expected.tensors.get(name)!);

interface Case {
  /** The folder. */
  readonly name: string;
  readonly family: string;
  /** Whose logits PyTorch computed. */
  readonly logits: string;
  /** What differs from a plain ViT. */
  readonly config: Partial<VitConfig>;
  readonly notes: RegExp;
}

const FOLDED = /^folded LayerScale/;

const CASES: readonly Case[] = [
  {
    name: "timm_dinov2",
    family: "timm ViT",
    logits: "dinov2",
    config: {},
    notes: FOLDED,
  },
  {
    name: "hugging_face_dinov2",
    family: "Hugging Face DINOv2",
    logits: "dinov2",
    config: {},
    notes: FOLDED,
  },
  {
    name: "timm_reg4",
    family: "timm ViT",
    logits: "reg4",
    config: { registers: 4 },
    notes: FOLDED,
  },
  {
    name: "timm_reg4_placed",
    family: "timm ViT",
    logits: "reg4",
    config: { registers: 4 },
    notes: FOLDED,
  },
  {
    name: "hugging_face_reg4",
    family: "Hugging Face DINOv2",
    logits: "reg4",
    config: { registers: 4 },
    notes: /left out embeddings\.mask_token: only pre-training uses it/,
  },
  {
    name: "timm_clip",
    family: "timm ViT",
    logits: "clip",
    config: { preNorm: true, eps: 1e-5 },
    notes: /^left out head\.weight: it leads into the space of texts/,
  },
  {
    name: "timm_clip_quick",
    family: "timm ViT",
    logits: "clip_quick",
    config: { preNorm: true, eps: 1e-5, activation: "quick_gelu" },
    notes: /^left out head\.weight/,
  },
  {
    name: "hugging_face_clip",
    family: "Hugging Face CLIP",
    logits: "clip_quick",
    config: { preNorm: true, eps: 1e-5, activation: "quick_gelu" },
    notes: /left out .*text.*: the text tower is not needed/,
  },
  {
    name: "timm_no_qkv_bias",
    family: "timm ViT",
    logits: "no_qkv_bias",
    config: {},
    notes: /^$/,
  },
];

const PLAIN: VitConfig = {
  architecture: "vit",
  imageSize: 16,
  patchSize: 8,
  channels: 3,
  width: 24,
  depth: 2,
  heads: 3,
  mlpHidden: 48,
  classes: 5,
  eps: 1e-6,
};

/** The backbone with the head that PyTorch had on it. */
async function withHead({ name, logits }: Case) {
  const backbone = await readBackbone(`${FOLDER}/${name}`);
  return {
    ...backbone,
    config: { ...backbone.config, classes: 5 },
    tensors: new Map([
      ...backbone.tensors,
      ["head.weight", numbers(`${logits}.head.weight`)] as const,
      ["head.bias", numbers(`${logits}.head.bias`)] as const,
    ]),
  };
}

for (const test of CASES) {
  Deno.test(`readBackbone() knows what ${test.name} is`, async () => {
    const { config, family, notes } = await withHead(test);
    assert.equal(family, test.family);
    assert.deepEqual(config, { ...PLAIN, ...test.config });
    assert.match(notes.join("\n"), test.notes);
  });
}

const engines = [
  { name: "reference", ignore: false, open: openReferenceEngine },
  ...testEngines,
];

for (const { name, ignore, open } of engines) {
  Deno.test({
    name: `models of DINOv2 and CLIP equal PyTorch's forward pass [${name}]`,
    ignore,
    fn: async () => {
      const engine = await open();
      try {
        for (const test of CASES) {
          const backbone = await withHead(test);
          const found = await logitsOf(engine, backbone, numbers("images"));
          const wanted = numbers(test.logits);
          assertClose(found, wanted, TOLERANCE.logits, test.name);
        }
      } finally {
        engine.close();
      }
    },
  });
}

/** Gradients of Σ logits · upstream towards tensors of a model that trains. */
async function gradientsOf(
  engine: Engine,
  test: Case,
  names: readonly string[],
): Promise<Record<string, HostArray>> {
  const backbone = await withHead(test);
  using model = buildModel({
    engine,
    backbone,
    method: findMethod("full"),
    options: {},
    classes: 5,
    seed: 0,
    trained: backbone.tensors,
  });
  const graph = new Graph();
  const tensor = model.tensors(graph);
  const logits = model.trace(graph.input("images", [2, 3, 16, 16]), tensor);
  const seed = graph.input("seed", logits.shape);
  const found = differentiate(logits, names.map(tensor), { add: addOp, seed });
  const gradients = Object.fromEntries(
    names.map((name) => [name, found.get(tensor(name))!]),
  );
  const program = await engine.compile(plan({
    label: "gradients",
    graph,
    outputs: { logits, ...gradients },
    memories: model.memories,
  }));
  const inputs = { images: numbers("images"), seed: numbers("upstream") };
  const result = await program.run(inputs);
  program.close();
  return result;
}

for (const { name, ignore, open } of engines) {
  Deno.test({
    name: `gradients of DINOv2 and CLIP equal PyTorch's [${name}]`,
    ignore,
    fn: async () => {
      const engine = await open();
      try {
        for (const folder of ["hugging_face_reg4", "hugging_face_clip"]) {
          const test = CASES.find(({ name }) => name === folder)!;
          const prefix = `${test.logits}.grad.`;
          const names = [...expected.tensors.keys()]
            .filter((name) => name.startsWith(prefix))
            .map((name) => name.slice(prefix.length));
          assert.equal(names.length, 4);
          const found = await gradientsOf(engine, test, names);
          for (const tensor of names) {
            const wanted = numbers(prefix + tensor);
            assertClose(found[tensor], wanted, TOLERANCE.gradient, tensor);
          }
        }
      } finally {
        engine.close();
      }
    },
  });
}
