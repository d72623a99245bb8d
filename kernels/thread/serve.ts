import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { HalfOperands } from "../engine.ts";
import type { CheckedOptions, CheckedWebgpu } from "../open_webgpu.ts";
import type { AdapterReport } from "../webgpu/adapter.ts";
import {
  type Answers,
  type Asked,
  type Opened,
  packError,
  type Reply,
  type Request,
} from "./messages.ts";
import { ServedEngine } from "./served_engine.ts";

/** An engine to serve, and what its user has to know besides. */
export interface Hosted extends CheckedWebgpu {
  readonly half?: ReadonlyMap<string, HalfOperands>;
}

/** What a thread offers. */
export interface Host {
  find(): Promise<AdapterReport | undefined>;
  open(options: CheckedOptions): Promise<Hosted>;
}

/**
 * Lets the other end of a port use engines, one after the other.
 *
 * @param signal Its first word counts the requests, each before it is made; if
 * given, the thread sleeps while nothing is asked of it.
 */
export function serve(
  port: MessagePort,
  host: Host,
  signal?: Int32Array<SharedArrayBuffer>,
): void {
  const server = new Server(port, host, signal);
  port.on("message", (request: Request) => {
    server.take(request);
    // An engine may block the thread as soon as the event loop turns: whatever
    // was asked for until now goes to the device first.
    server.takeAll();
    server.sleep();
  });
}

class Server {
  readonly #port: MessagePort;
  readonly #host: Host;
  readonly #signal: Int32Array<SharedArrayBuffer> | undefined;
  readonly #working = new Set<Promise<unknown>>();
  #served: ServedEngine | undefined;
  #taken = 0;

  constructor(
    port: MessagePort,
    host: Host,
    signal: Int32Array<SharedArrayBuffer> | undefined,
  ) {
    this.#port = port;
    this.#host = host;
    this.#signal = signal;
  }

  /** Starts what is asked for, in the order in which that comes. */
  take(request: Request): void {
    this.#taken++;
    if ("id" in request) {
      this.#answer(request);
      return;
    }
    const served = this.#served;
    if (served === undefined) return;
    try {
      served.obey(request);
    } catch (error) {
      const { number: engine } = served;
      this.#reply({ engine, error: packError(error) });
    }
  }

  /** Takes what waits at the port; only while the event loop cannot. */
  takeAll(): void {
    for (let next; (next = receiveMessageOnPort(this.#port)) !== undefined;) {
      this.take(next.message);
    }
  }

  #reply(reply: Reply, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(reply, transfer);
  }

  async #answer(question: Asked<keyof Answers>): Promise<void> {
    const { id } = question;
    const result = this.#resultOf(question);
    this.#working.add(result);
    try {
      const answer = await result;
      this.#reply({ id, result: answer }, buffersOf(answer));
    } catch (error) {
      this.#reply({ id, error: packError(error) });
    }
    this.#working.delete(result);
    this.sleep();
  }

  /**
   * Until something is asked for, unless that has happened already: the event
   * loop may have received what it has not handed over yet.
   */
  sleep(): void {
    if (!this.#signal || this.#working.size > 0) return;
    Atomics.wait(this.#signal, 0, this.#taken);
  }

  async #resultOf(
    question: Asked<keyof Answers>,
  ): Promise<Answers[keyof Answers]> {
    switch (question.kind) {
      case "find":
        return await this.#host.find();
      case "open":
        return await this.#open(question);
      case "close":
        return await this.#close();
      default:
        return await this.#served!.resultOf(question);
    }
  }

  async #open({ engine: number, options }: Asked<"open">): Promise<Opened> {
    const hosted = await this.#host.open(options);
    this.#served = new ServedEngine(number, hosted);
    const { engine, staleTuning, half } = hosted;
    const { name, description, limits } = engine;
    return { name, description, limits, half, staleTuning };
  }

  /** Runs under way end first: a device is let go of when it is idle. */
  async #close(): Promise<void> {
    const served = this.#served;
    this.#served = undefined;
    await Promise.allSettled([...this.#working]);
    served?.engine.close();
  }
}

/** Results are fresh: they move to the other thread. */
function buffersOf(result: Answers[keyof Answers]): ArrayBuffer[] {
  if (result instanceof ArrayBuffer) return [result];
  const views = Object.values(result ?? {}) as unknown[];
  const buffers = views.flatMap((view) =>
    view instanceof Float32Array || view instanceof Int32Array
      ? [view.buffer as ArrayBuffer]
      : []
  );
  return [...new Set(buffers)];
}
