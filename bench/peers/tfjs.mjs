/**
 * The side of TensorFlow.js on WebGPU in the comparison; see
 * compare/protocol.ts.
 *
 * The model is written with the eager ops of its core package, training with
 * its variables and its own optimizer (Adam; it has no AdamW).
 *
 * @module
 */

import process from "node:process";
import { rateOf } from "../../kernels/gemm_rate.ts";
import { say, serve } from "../compare/protocol.ts";

/** Not literal imports, so that only whoever compares installs them. */
const [CORE, BACKEND] = Deno.args;

async function load() {
  try {
    const found = await import(CORE);
    await import(BACKEND);
    if (await found.setBackend("webgpu")) return found;
    say({ missing: "there is no WebGPU adapter" });
  } catch (error) {
    say({ missing: error instanceof Error ? error.message : String(error) });
  }
  Deno.exit();
}

const tf = await load();
await tf.ready();

const noise = (shape, scale = 0.02) =>
  tf.tidy(() => tf.randomUniform(shape, -scale, scale));
const layer = (from, to) => ({ w: noise([from, to]), b: tf.zeros([to]) });
const norm = (width) => ({ w: tf.ones([width]), b: tf.zeros([width]) });

const EXPERTS = 4;
const RANK = 4;
const adapter = (width) => ({
  scale: tf.variable(noise([EXPERTS, EXPERTS, EXPERTS], 0.5)),
  down: tf.variable(noise([EXPERTS, width / EXPERTS, RANK])),
  up: tf.variable(tf.zeros([EXPERTS, RANK, width / EXPERTS])),
});

function weights(
  { width, depth, mlpHidden, patchSize, channels, imageSize },
) {
  const patches = (imageSize / patchSize) ** 2;
  return {
    patch: layer(channels * patchSize ** 2, width),
    cls: tf.zeros([1, 1, width]),
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

function linear(x, { w, b }) {
  const [from, to] = w.shape;
  const y = tf.matMul(x.reshape([-1, from]), w).add(b);
  return y.reshape([...x.shape.slice(0, -1), to]);
}

function normalise(x, { w, b }) {
  const { mean, variance } = tf.moments(x, -1, true);
  return x.sub(mean).mul(tf.rsqrt(variance.add(1e-6))).mul(w).add(b);
}

function attend(x, block, heads) {
  const [batch, tokens, width] = x.shape;
  const qkv = linear(x, block.qkv)
    .reshape([batch, tokens, 3, heads, width / heads])
    .transpose([2, 0, 3, 1, 4]);
  const [q, k, v] = tf.unstack(qkv, 0);
  const scores = tf.matMul(q, k, false, true).mul((width / heads) ** -0.5);
  const mixed = tf.matMul(tf.softmax(scores), v).transpose([0, 2, 1, 3]);
  return linear(mixed.reshape([batch, tokens, width]), block.proj);
}

function gelu(x) {
  return x.mul(0.5).mul(tf.erf(x.mul(Math.SQRT1_2)).add(1));
}

function adapt(x, tensors) {
  if (!tensors) return x;
  const width = x.shape.at(-1);
  const chunk = width / EXPERTS;
  // [e, 16] and [e, chunk²] give every chunk of Σₑ Sₑ ⊗ Dₑ Uₑ.
  const low = tf.matMul(tensors.down, tensors.up).reshape([EXPERTS, -1]);
  const scale = tensors.scale.reshape([EXPERTS, -1]);
  const delta = tf.matMul(scale, low, true)
    .reshape([EXPERTS, EXPERTS, chunk, chunk])
    .transpose([0, 2, 1, 3])
    .reshape([width, width]);
  const flat = x.reshape([-1, width]);
  return flat.add(tf.matMul(flat, delta)).reshape(x.shape);
}

function forward(frozen, trained, images, { patchSize, heads }) {
  const [batch, channels, size] = images.shape;
  const grid = size / patchSize;
  // At most six dimensions can be transposed.
  const cut = images
    .reshape([batch * channels * grid, patchSize, grid, patchSize])
    .transpose([0, 2, 1, 3])
    .reshape([batch, channels, grid * grid, patchSize ** 2])
    .transpose([0, 2, 1, 3])
    .reshape([batch, grid * grid, channels * patchSize ** 2]);
  const embedded = linear(cut, frozen.patch);
  const width = embedded.shape.at(-1);
  const cls = tf.tile(frozen.cls, [batch, 1, 1]);
  let x = tf.concat([cls, embedded], 1).add(frozen.pos);
  for (const [i, block] of frozen.blocks.entries()) {
    const [before, after] = trained.adapters?.[i] ?? [];
    const first = adapt(normalise(x, block.norm1), before);
    x = x.add(attend(first, block, heads));
    const second = adapt(normalise(x, block.norm2), after);
    x = x.add(linear(gelu(linear(second, block.fc1)), block.fc2));
  }
  const first = normalise(x, frozen.norm).slice([0, 0, 0], [batch, 1, width]);
  return linear(first.reshape([batch, width]), trained.head);
}

function open({ kind, model, batch }) {
  const { channels, imageSize, width, classes, depth } = model;
  const images = noise([batch, channels, imageSize, imageSize], 1);
  const frozen = weights(model);
  const plain = layer(width, classes);
  if (kind === "inference") {
    return async () => {
      const logits = tf.tidy(() =>
        forward(frozen, { head: plain }, images, model)
      );
      await logits.data();
      logits.dispose();
    };
  }
  if (kind !== "peft") throw new TypeError(`no ${kind}`);
  const trained = {
    head: { w: tf.variable(plain.w), b: tf.variable(plain.b) },
    adapters: Array.from(
      { length: depth },
      () => [adapter(width), adapter(width)],
    ),
  };
  const labels = tf.tidy(() =>
    tf.oneHot(
      tf.tensor1d(
        Array.from({ length: batch }, (_, i) => i % classes),
        "int32",
      ),
      classes,
    ).toFloat()
  );
  const optimizer = tf.train.adam(1e-4);
  return async () => {
    const loss = optimizer.minimize(
      () => {
        const logits = forward(frozen, trained, images, model);
        return tf.losses.softmaxCrossEntropy(labels, logits);
      },
      true,
    );
    await loss.data();
    loss.dispose();
  };
}

async function gemm(size, runs) {
  const [a, b] = [noise([size, size], 1), noise([size, size], 1)];
  const multiply = async (products) => {
    for (let i = 1; i < products; i++) tf.matMul(a, b).dispose();
    const c = tf.matMul(a, b);
    // Reading one number waits for all.
    const corner = c.slice([0, 0], [1, 1]);
    await corner.data();
    tf.dispose([c, corner]);
  };
  const { median } = await rateOf(
    (products) => Promise.resolve(() => multiply(products)),
    runs,
  );
  tf.dispose([a, b]);
  return median * 2 * size ** 3 / 1e6;
}

let step;
const run = async (steps) => {
  const started = performance.now();
  for (let i = 0; i < steps; i++) await step();
  return (performance.now() - started) / 1000;
};

await serve(`TensorFlow.js ${tf.version_core}, webgpu`, async (request) => {
  if (request.do === "run") return { seconds: await run(request.steps) };
  if (request.do === "gemm") {
    return { gflops: await gemm(request.size, request.runs) };
  }
  if (request.do === "memory") {
    return { bytes: 1024 * process.resourceUsage().maxRSS };
  }
  if (request.do === "export") return { error: "no export" };
  if (step) tf.engine().endScope();
  tf.disposeVariables();
  step = undefined;
  if (request.do === "close") return {};
  tf.engine().startScope();
  step = open(request.work);
  const firstSeconds = await run(1);
  return { seconds: await run(1), firstSeconds };
});
