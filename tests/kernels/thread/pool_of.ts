import { ThreadPool } from "../../../kernels/thread/pool.ts";

/** A pool of threads that do this with each request. */
export function poolOf(body: string): ThreadPool {
  const source = `import { parentPort } from "node:worker_threads";
parentPort.once("message", ({ port }) => {
  port.on("message", ({ kind, id }) => { ${body} });
});`;
  return new ThreadPool(
    new URL(`data:application/javascript,${encodeURIComponent(source)}`),
  );
}

/** The answer of a thread that has opened an engine, as source text. */
export const OPENED = JSON.stringify({
  name: "webgpu",
  description: "a test's",
  limits: { memoryBytes: 64, tensorBytes: 64 },
});
