import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { DeviceError } from "../engine.ts";
import type { Line, Listener } from "./calls.ts";
import type { Reply, Request } from "./messages.ts";

/** The first message to a thread. */
export interface Hello {
  /** Where requests come from. */
  readonly port: MessagePort;
  /** Its first word counts the requests, each before it is made. */
  readonly signal: Int32Array<SharedArrayBuffer>;
}

/** A thread that {@linkcode serve}s engines, one after the other. */
export class Thread implements Line {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #signal = new Int32Array(new SharedArrayBuffer(4));
  #listener: Listener | undefined;
  #answered = false;
  #end: DeviceError | undefined;

  /** @param module What it runs. */
  constructor(module: URL) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(startable(module));
    const hello: Hello = { port: port2, signal: this.#signal };
    this.#worker.postMessage(hello, [port2]);
    this.#worker.on("error", (cause) => this.#fail(cause));
    this.#worker.on("exit", (code) => this.#fail(`exit code ${code}`));
    port1.on("message", (reply: Reply) => {
      this.#answered = true;
      this.#listener?.settle(reply);
    });
    // A port ends with its thread, before that says why: the thread is what
    // keeps the process alive.
    port1.unref();
    this.#worker.unref();
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Whether it has replied to anything. */
  get answered(): boolean {
    return this.#answered;
  }

  post(request: Request, transfer: ArrayBuffer[] = []): void {
    Atomics.add(this.#signal, 0, 1);
    this.#port.postMessage(request, transfer);
    Atomics.notify(this.#signal, 0);
  }

  listen(listener: Listener): void {
    this.#listener = listener;
    if (this.#end) listener.fail(this.#end);
  }

  ref(): void {
    this.#worker.ref();
  }

  unref(): void {
    this.#worker.unref();
  }

  #fail(cause: unknown): void {
    this.#end ??= new DeviceError(
      `Cannot go on: the thread of WebGPU ended: ${cause}`,
    );
    this.#listener?.fail(this.#end);
  }
}

/** Threads start with files and data only; but data may import anything. */
function startable(module: URL): URL {
  if (["file:", "data:"].includes(module.protocol)) return module;
  const source = `import ${JSON.stringify(module.href)};`;
  return new URL(`data:application/javascript,${encodeURIComponent(source)}`);
}
