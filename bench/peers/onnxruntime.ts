/**
 * The side of onnxruntime-node in the comparison: inference of a model that
 * PyTorch exported; see compare/protocol.ts.
 *
 * @module
 */

import { type Reply, type Request, say, serve } from "../compare/protocol.ts";

/** Not a literal import, so that only whoever compares installs it. */
const [PACKAGE, threadsText = "2"] = Deno.args;

/** As much of the package as is used. */
interface Ort {
  readonly env: { readonly versions: { readonly node: string } };
  readonly InferenceSession: {
    create(path: string, options: unknown): Promise<Session>;
  };
  readonly Tensor: new (
    type: "float32",
    data: Float32Array,
    shape: number[],
  ) => unknown;
}

interface Session {
  run(feeds: Record<string, unknown>): Promise<unknown>;
  release(): Promise<void>;
}

async function load(): Promise<Ort | undefined> {
  try {
    const found = await import(PACKAGE);
    return found.default ?? found;
  } catch (error) {
    say({ missing: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}

const ort = await load();
if (ort) {
  const threads = Number(threadsText);
  let session: Session | undefined;
  let feeds: Record<string, unknown> = {};

  const run = async (steps: number): Promise<number> => {
    const started = performance.now();
    for (let step = 0; step < steps; step++) await session?.run(feeds);
    return (performance.now() - started) / 1000;
  };

  const handle = async (request: Request): Promise<Reply> => {
    if (request.do === "run") return { seconds: await run(request.steps) };
    if (request.do !== "open" && request.do !== "close") {
      return { error: `no ${request.do}` };
    }
    await session?.release();
    session = undefined;
    if (request.do === "close") return {};
    const { work, onnx } = request;
    if (work.kind !== "inference" || onnx === undefined) {
      return { error: `no ${work.kind}` };
    }
    const started = performance.now();
    session = await ort.InferenceSession.create(onnx, {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
    });
    const { channels, imageSize } = work.model;
    const shape = [work.batch, channels, imageSize, imageSize];
    const count = shape.reduce((product, size) => product * size, 1);
    const data = Float32Array.from({ length: count }, Math.random);
    feeds = { images: new ort.Tensor("float32", data, shape) };
    await run(1);
    const firstSeconds = (performance.now() - started) / 1000;
    return { seconds: await run(1), firstSeconds };
  };

  const version = ort.env.versions.node;
  await serve(`onnxruntime-node ${version}, ${threads} threads`, handle);
}
