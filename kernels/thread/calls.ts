import {
  type Answers,
  type Asked,
  type Order,
  type Reply,
  type Request,
  unpackError,
} from "./messages.ts";

/** A request that is answered, without its number. */
type Question<K> = Omit<Asked<K>, "id" | "kind"> & { readonly kind: K };

/** Who gets the replies of a thread. */
export interface Listener {
  settle(reply: Reply): void;
  /** Told why the thread ended. */
  fail(cause: Error): void;
}

/** What calls need of a thread. */
export interface Line {
  /** Whether nobody is there any more. */
  readonly ended: boolean;
  post(request: Request, transfer?: ArrayBuffer[]): void;
  /** One listener at a time. */
  listen(listener: Listener): void;
  /** Keeps the process alive, or not. */
  ref(): void;
  unref(): void;
}

/** Requests for one engine, and the promises of their answers. */
export class Calls implements Listener {
  /** No two are alike, so that late replies find nobody. */
  static #next = 0;
  readonly engine = Calls.#next++;
  readonly #line: Line;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  #failure: Error | undefined;

  constructor(line: Line) {
    this.#line = line;
    line.listen(this);
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
    this.#line.post(order, transfer);
  }

  /** Asks for what is answered; until then the process is kept alive. */
  ask<K extends keyof Answers>(question: Question<K>): Promise<Answers[K]> {
    this.check();
    return this.#ask(question);
  }

  /** Asks the engine to close, which nothing but the end of its thread forbids. */
  async close(cause: Error): Promise<void> {
    this.fail(cause);
    if (!this.#line.ended) await this.#ask({ kind: "close" });
  }

  /** Rejects what is pending and refuses what comes; the first cause stays. */
  fail(cause: Error): void {
    this.#failure ??= cause;
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
    this.#line.unref();
  }

  #ask<K extends keyof Answers>(question: Question<K>): Promise<Answers[K]> {
    const id = Calls.#next++;
    const answer = Promise.withResolvers<unknown>();
    this.#pending.set(id, answer);
    if (this.#pending.size === 1) this.#line.ref();
    this.#line.post({ ...question, id } as unknown as Asked<K>);
    return answer.promise as Promise<Answers[K]>;
  }

  /** Takes a reply. */
  settle(reply: Reply): void {
    if (!("id" in reply)) {
      if (reply.engine === this.engine) this.fail(unpackError(reply.error));
      return;
    }
    const answer = this.#pending.get(reply.id);
    // It was rejected when requests failed for good.
    if (answer === undefined) return;
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0) this.#line.unref();
    if ("error" in reply) answer.reject(unpackError(reply.error));
    else answer.resolve(reply.result);
  }
}
