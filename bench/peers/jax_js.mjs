/**
 * The side of jax-js on WebGPU in the comparison; see compare/protocol.ts.
 *
 * The model is written as its documentation writes models: pure functions over
 * trees of arrays, a step compiled by `jit`. Every use of an array consumes it,
 * hence the many `.ref`.
 *
 * @module
 */

import process from "node:process";
import { rateOf } from "../../kernels/gemm_rate.ts";
import { say, serve } from "../compare/protocol.ts";

/** Not a literal import, so that only whoever compares installs it. */
const [PACKAGE] = Deno.args;

async function load() {
  try {
    const found = await import(PACKAGE);
    const devices = await found.init("webgpu");
    if (devices.includes("webgpu")) return found;
    say({ missing: "there is no WebGPU adapter" });
  } catch (error) {
    say({ missing: error instanceof Error ? error.message : String(error) });
  }
  Deno.exit();
}

const jax = await load();
jax.defaultDevice("webgpu");
const { numpy: np, nn, jit, tree, valueAndGrad, blockUntilReady } = jax;

const noise = (shape, scale = 0.02) => {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = Float32Array.from(
    { length: count },
    () => scale * (2 * Math.random() - 1),
  );
  return np.array(data).reshape(shape);
};
const layer = (from, to) => ({ w: noise([from, to]), b: np.zeros([to]) });
const norm = (width) => ({ w: np.ones([width]), b: np.zeros([width]) });

const EXPERTS = 4;
const RANK = 4;
const adapter = (width) => ({
  scale: noise([EXPERTS, EXPERTS, EXPERTS], 0.5),
  down: noise([EXPERTS, width / EXPERTS, RANK]),
  up: np.zeros([EXPERTS, RANK, width / EXPERTS]),
});

function weights(
  { width, depth, mlpHidden, patchSize, channels, imageSize },
) {
  const patches = (imageSize / patchSize) ** 2;
  return {
    patch: layer(channels * patchSize ** 2, width),
    cls: np.zeros([1, 1, width]),
    pos: noise([1, patches + 1, width]),
    blocks: Array.from({ length: depth }, () => ({
      norm1: norm(width),
      qkv: layer(width, 3 * width),
      proj: layer(width, width),
      norm2: norm(width),
      fc1: layer(width, mlpHidden),
      fc2: layer(mlpHidden, width),
    })),
    norm: norm(width),
  };
}

const linear = (x, { w, b }) => np.matmul(x, w).add(b);
const normalise = (x, { w, b }) =>
  nn.standardize(x, -1, { epsilon: 1e-6 }).mul(w).add(b);

function attend(x, block, heads) {
  const [batch, tokens, width] = x.shape;
  const qkv = linear(x, block.qkv)
    .reshape([batch, tokens, 3, heads, width / heads]);
  const [q, k, v] = np.split(qkv, 3, 2)
    .map((part) => part.reshape([batch, tokens, heads, width / heads]));
  const mixed = nn.dotProductAttention(q, k, v);
  return linear(mixed.reshape([batch, tokens, width]), block.proj);
}

function adapt(x, tensors) {
  if (!tensors) return x;
  const width = x.shape.at(-1);
  const low = np.matmul(tensors.down, tensors.up);
  const delta = np.einsum("eab,eij->aibj", tensors.scale, low)
    .reshape([width, width]);
  return x.ref.add(np.matmul(x, delta));
}

function forward(frozen, trained, images, { patchSize, heads }) {
  const [batch, channels, size] = images.shape;
  const grid = size / patchSize;
  const cut = images
    .reshape([batch, channels, grid, patchSize, grid, patchSize])
    .transpose([0, 2, 4, 1, 3, 5])
    .reshape([batch, grid * grid, channels * patchSize ** 2]);
  const embedded = linear(cut, frozen.patch);
  const width = embedded.shape.at(-1);
  const cls = np.zeros([batch, 1, width]).add(frozen.cls);
  let x = np.concatenate([cls, embedded], 1).add(frozen.pos);
  for (const [i, block] of frozen.blocks.entries()) {
    const [before, after] = trained.adapters?.[i] ?? [];
    const first = adapt(normalise(x.ref, block.norm1), before);
    x = x.add(attend(first, block, heads));
    const second = adapt(normalise(x.ref, block.norm2), after);
    const hidden = nn.gelu(linear(second, block.fc1), { approximate: false });
    x = x.add(linear(hidden, block.fc2));
  }
  const [first] = np.split(normalise(x, frozen.norm), [1], 1)
    .map((part, i) => i === 0 ? part.reshape([batch, width]) : part.dispose());
  return linear(first, trained.head);
}

const [LR, BETA1, BETA2, EPS, DECAY] = [1e-4, 0.9, 0.999, 1e-8, 0.01];

function open({ kind, model, batch }) {
  const { channels, imageSize, width, classes, depth } = model;
  const images = noise([batch, channels, imageSize, imageSize], 1);
  const frozen = weights(model);
  const trained = { head: layer(width, classes) };
  const arrays = [frozen, images];
  if (kind === "inference") {
    const run = jit((f, t, x) => forward(f, t, x, model));
    return {
      async step() {
        const logits = run(tree.ref(frozen), tree.ref(trained), images.ref);
        await blockUntilReady(logits);
        logits.dispose();
      },
      close: () => tree.dispose([...arrays, trained]),
    };
  }
  if (kind !== "peft") throw new TypeError(`no ${kind}`);
  trained.adapters = Array.from(
    { length: depth },
    () => [adapter(width), adapter(width)],
  );
  const labels = np.array(
    Int32Array.from({ length: batch }, (_, i) => i % classes),
  );
  const targets = nn.oneHot(labels, classes);
  const loss = (t, f, x, y) =>
    nn.logSoftmax(forward(f, t, x, model), -1).mul(y).sum().mul(-1 / batch);
  const update = jit((state, f, x, y) => {
    const { t, m, v } = state;
    const [value, gradient] = valueAndGrad(loss)(tree.ref(t), f, x, y);
    const m2 = tree.map(
      (old, g) => old.mul(BETA1).add(g.ref.mul(1 - BETA1)),
      m,
      gradient,
    );
    const v2 = tree.map(
      (old, g) => old.mul(BETA2).add(g.ref.mul(g).mul(1 - BETA2)),
      v,
      gradient,
    );
    const t2 = tree.map(
      (old, a, b) =>
        old.mul(1 - LR * DECAY).sub(
          a.ref.div(np.sqrt(b.ref).add(EPS)).mul(LR),
        ),
      t,
      m2,
      v2,
    );
    return [value, { t: t2, m: m2, v: v2 }];
  });
  const zeros = () => tree.map((a) => np.zeros(a.shape), trained);
  let state = { t: trained, m: zeros(), v: zeros() };
  return {
    async step() {
      const [value, next] = update(
        state,
        tree.ref(frozen),
        images.ref,
        targets.ref,
      );
      state = next;
      await blockUntilReady(state);
      await value.jsAsync();
    },
    close: () => tree.dispose([...arrays, targets, state]),
  };
}

async function gemm(size, runs) {
  const a = noise([size, size], 1);
  const b = noise([size, size], 1);
  const product = jit((x, y) => np.matmul(x, y));
  const multiply = async (products) => {
    for (let i = 1; i < products; i++) product(a.ref, b.ref).dispose();
    const c = product(a.ref, b.ref);
    await blockUntilReady(c);
    c.dispose();
  };
  const { median } = await rateOf(
    (products) => Promise.resolve(() => multiply(products)),
    runs,
  );
  a.dispose();
  b.dispose();
  return median * 2 * size ** 3 / 1e6;
}

let opened;
const run = async (steps) => {
  const started = performance.now();
  for (let step = 0; step < steps; step++) await opened.step();
  return (performance.now() - started) / 1000;
};

await serve(`jax-js, ${PACKAGE}, webgpu`, async (request) => {
  if (request.do === "run") return { seconds: await run(request.steps) };
  if (request.do === "gemm") {
    return { gflops: await gemm(request.size, request.runs) };
  }
  if (request.do === "memory") {
    return { bytes: 1024 * process.resourceUsage().maxRSS };
  }
  if (request.do === "export") return { error: "no export" };
  opened?.close();
  opened = undefined;
  if (request.do === "close") return {};
  opened = open(request.work);
  const firstSeconds = await run(1);
  return { seconds: await run(1), firstSeconds };
});
