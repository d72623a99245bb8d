/**
 * A thread that serves an engine without a device, and can be held on its way to
 * sleep.
 *
 * @module
 */

import { type MessagePort, parentPort } from "node:worker_threads";
import type { Engine } from "../../../kernels/engine.ts";
import { serve } from "../../../kernels/thread/serve.ts";
import type { Hello } from "../../../kernels/thread/thread.ts";
import { planningEngine } from "../../support/planning_engine.ts";
import { Gate } from "./gate.ts";

function heldEngine(gate: Gate): Engine {
  const engine = planningEngine();
  return {
    ...engine,
    allocate(bytes, label) {
      gate.pass("obeys an order");
      return engine.allocate(bytes, label);
    },
    computed: () => Promise.resolve(),
  };
}

/** Holds the thread after each answer, which is before it sleeps. */
function holdAfterAnswers(port: MessagePort, gate: Gate): void {
  const { postMessage } = port;
  Object.assign(port, {
    postMessage(...args: unknown[]) {
      Reflect.apply(postMessage, port, args);
      gate.pass("has answered");
    },
  });
}

parentPort!.once("message", ({ port, signal }: Hello) => {
  let gate: Gate | undefined;
  serve(port, {
    find: () => Promise.resolve(undefined),
    open(options) {
      gate = new Gate((options as unknown as { word: Gate["word"] }).word);
      holdAfterAnswers(port, gate);
      return Promise.resolve({ engine: heldEngine(gate), choose() {} });
    },
  }, signal);
  // The event loop receives what came meanwhile as soon as it goes on, but hands
  // it over only after what was asked for before may have been answered.
  port.on("message", () => gate?.pass("has taken a question"));
});
