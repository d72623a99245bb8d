import type { MessagePort } from "node:worker_threads";
import {
  type Answers,
  type Reply,
  type Request,
  unpackError,
} from "./messages.ts";

type Asked<K> = Extract<Request, { readonly kind: K }>;

/** A request that is answered, without its number. */
type Question<K> = Omit<Asked<K>, "id" | "kind"> & { readonly kind: K };

/** A request that is not answered. */
type Order = Exclude<Request, { readonly id: number }>;

/** Requests to the other end of a port, and the promises of their answers. */
export class Calls {
  readonly #port: MessagePort;
  readonly #alive: Pick<MessagePort, "ref" | "unref">;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  #next = 0;
  #failure: Error | undefined;

  /**
   * Takes over a port.
   *
   * @param alive Keeps the process alive as long as an answer is missing.
   */
  constructor(
    port: MessagePort,
    alive: Pick<MessagePort, "ref" | "unref"> = port,
  ) {
    this.#port = port;
    this.#alive = alive;
    port.on("message", (reply: Reply) => this.#settle(reply));
    port.unref();
  }

  /** Whether requests have failed for good. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** @throws {Error} If requests have failed for good: why. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Asks for what is not answered; if it fails, all that follows does. */
  order(order: Order, transfer: ArrayBuffer[] = []): void {
    this.check();
    this.#port.postMessage(order, transfer);
  }

  /** Asks for what is answered. */
  ask<K extends keyof Answers>(question: Question<K>): Promise<Answers[K]> {
    this.check();
    const id = this.#next++;
    const answer = Promise.withResolvers<unknown>();
    this.#pending.set(id, answer);
    if (this.#pending.size === 1) this.#alive.ref();
    this.#port.postMessage({ ...question, id });
    return answer.promise as Promise<Answers[K]>;
  }

  /** Rejects what is pending and refuses what comes; the first cause stays. */
  fail(cause: Error): void {
    this.#failure ??= cause;
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
    this.#alive.unref();
  }

  #settle(reply: Reply): void {
    if (!("id" in reply)) return this.fail(unpackError(reply.error));
    const answer = this.#pending.get(reply.id);
    // It was rejected when requests failed for good.
    if (answer === undefined) return;
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0) this.#alive.unref();
    if ("error" in reply) answer.reject(unpackError(reply.error));
    else answer.resolve(reply.result);
  }
}
