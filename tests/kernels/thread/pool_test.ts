import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { ThreadPool } from "../../../kernels/thread/pool.ts";
import { openOnThread } from "../../../kernels/thread/start.ts";
import { withHook } from "../webgpu/adapter.ts";
import { OPENED, poolOf } from "./pool_of.ts";

const options = { allowSoftware: true, check: "never" } as const;

/** Opens an engine of a pool and closes it, some times in turn. */
async function openTimes(pool: ThreadPool, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    const opened = await openOnThread(options, pool);
    assert.ok(opened, "the thread is not replaced");
    opened.engine.close();
    // Until the thread is idle.
    await delay(50);
  }
}

/** Collects the threads that are started. */
async function collect(
  work: (started: readonly Worker[]) => Promise<void>,
): Promise<void> {
  const started: Worker[] = [];
  const start = (worker: Worker) => void started.push(worker);
  await withHook(Worker.prototype, "postMessage", start, () => work(started));
}

Deno.test("a thread that ends asleep is replaced", () =>
  collect(async (started) => {
    const pool = new ThreadPool(new URL("./held_thread.ts", import.meta.url));
    await openTimes(pool, 3);
    assert.equal(started.length, 1);
    await started[0].terminate();
    await openTimes(pool, 3);
    assert.equal(started.length, 2);
  }));

Deno.test("a thread is replaced that ends before it is known to", () =>
  collect(async (started) => {
    const pool = poolOf(`
      if (kind === "close") port.postMessage({ id });
      else if (globalThis.opened) process.exit(3);
      else port.postMessage({ id, result: globalThis.opened = ${OPENED} });`);
    await openTimes(pool, 3);
    assert.equal(started.length, 3);
  }));
