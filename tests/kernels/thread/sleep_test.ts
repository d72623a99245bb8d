import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import { openEngine } from "../../../kernels/open_engine.ts";
import type { Request } from "../../../kernels/thread/messages.ts";
import { serve } from "../../../kernels/thread/serve.ts";
import { ThreadPool } from "../../../kernels/thread/pool.ts";
import { openOnThread } from "../../../kernels/thread/start.ts";
import { planningEngine } from "../../support/planning_engine.ts";
import { feeds, type KernelUse, onePlan } from "../cpu/one_kernel.ts";
import { gpuTest, withHook } from "../webgpu/adapter.ts";
import { Gate, PLACES } from "./gate.ts";

const ASLEEP = "the thread sleeps through a request";

/** Milliseconds in which a thread that sleeps through requests is found out. */
const PATIENCE = 5000;

/** Milliseconds in which a thread that is let go is asleep. */
const FALLS_ASLEEP = 20;

/** Waits, but not for ever. */
async function soon<T>(answer: Promise<T>, otherwise = ASLEEP): Promise<T> {
  const never = Promise.withResolvers<never>();
  const timer = setTimeout(() => never.reject(new Error(otherwise)), PATIENCE);
  try {
    return await Promise.race([answer, never.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const options = { allowSoftware: true, check: "never" } as const;

/** A request is counted and the thread is notified, its message apart. */
const STEPS = 2;

/** Makes a request, and does something else when it has done so many steps. */
async function interrupted(
  request: () => void,
  steps: number,
  meanwhile: () => void,
): Promise<void> {
  let done = 0;
  const step = () => {
    if (done++ === steps) meanwhile();
  };
  const notifying = () =>
    withHook(Atomics, "notify", step, () => {
      request();
      return Promise.resolve();
    });
  await withHook(Atomics, "add", step, notifying);
  assert.equal(done, STEPS);
  if (done === steps) meanwhile();
}

/** Blocks this thread until another one that was let go is asleep. */
function letSleep(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FALLS_ASLEEP);
}

for (const place of PLACES) {
  Deno.test(`a thread that ${place} wakes for the next request`, async () => {
    const gate = new Gate();
    const pool = new ThreadPool(new URL("./held_thread.ts", import.meta.url));
    const held = { ...options, word: gate.word };
    const { engine } = (await soon(openOnThread(held, pool)))!;
    for (let steps = 0; steps <= STEPS; steps++) {
      gate.close(place);
      const answers: Promise<void>[] = [];
      const ask = () => answers.push(engine.computed!());
      if (place === "obeys an order") engine.allocate(4, "held");
      else ask();
      assert.ok(gate.isHeld(place, PATIENCE), ASLEEP);
      await interrupted(ask, steps, () => {
        gate.open();
        letSleep();
      });
      await soon(Promise.all(answers));
    }
    engine.close();
  });
}

Deno.test("a thread sleeps as soon as every request is taken", async () => {
  const { port1, port2 } = new MessageChannel();
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const engine = planningEngine();
  serve(port2, {
    find: () => Promise.resolve(undefined),
    open: () => Promise.resolve({ engine, choose() {} }),
  }, signal);
  let onSleep = () => {};
  await withHook(Atomics, "wait", (_, args) => {
    if (Atomics.load(signal, 0) === args[2]) onSleep();
    // The thread is this one.
    args[3] = 0;
  }, async () => {
    const requests: readonly Request[] = [
      { kind: "open", id: 0, engine: 0, options },
      { kind: "allocate", memory: 0, bytes: 4, label: "some" },
      { kind: "free", memory: 0 },
      { kind: "close", id: 1 },
    ];
    for (const request of requests) {
      const sleep = Promise.withResolvers<void>();
      onSleep = sleep.resolve;
      Atomics.add(signal, 0, 1);
      port1.postMessage(request);
      await soon(sleep.promise, `the thread is awake after: ${request.kind}`);
    }
  });
  port1.close();
});

const relu: KernelUse = {
  kernel: "relu",
  attributes: { count: 2 },
  inputs: [Float32Array.of(-1, 2)],
  outputs: [2],
};

/** Uses a device while the thread falls asleep and is woken at any moment. */
async function useAtAnyMoment(): Promise<void> {
  const engine = await openEngine("webgpu", { check: "never" });
  const memory = engine.allocate(16, "memory");
  const program = await engine.compile(onePlan(relu));
  const end = performance.now() + 100;
  let round = 0;
  while (performance.now() < end) {
    memory.write(Float32Array.of(++round), 0);
    const runs = [program.run(feeds(relu))];
    if (round % 3 > 0) {
      await delay(Math.random() * 8);
      memory.write(Float32Array.of(-round), 0);
      runs.push(program.run(feeds(relu)));
    }
    for (const { output0 } of await Promise.all(runs)) {
      assert.deepEqual(output0, Float32Array.of(0, 2));
    }
    const read = new Float32Array(await memory.read(0, 4));
    assert.deepEqual(read, Float32Array.of(round % 3 > 0 ? -round : round));
  }
  engine.close();
}

gpuTest(
  "a thread that falls asleep at any moment is always woken",
  async () => {
    const end = performance.now() + 2000;
    while (performance.now() < end) await soon(useAtAnyMoment());
  },
);
