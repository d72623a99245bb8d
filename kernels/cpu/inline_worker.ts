import { blasAttentionEntries } from "./blas_attention.ts";
import { BLAS_SYMBOLS } from "./blas_symbols.ts";
import { blasEntries } from "./blas_worker.ts";
import {
  CONTROL,
  type FromWorker,
  MAX_MESSAGE_BYTES,
  type ToWorker,
  work,
} from "./worker.ts";

/**
 * A worker on the thread of its owner, who waits while it works. It starts at
 * once, where a thread needs some 50 ms.
 */
export class InlineWorker {
  #take: (message: ToWorker) => void = () => {};
  #give: (message: FromWorker) => void = () => {};

  constructor() {
    work(
      {
        on: (_, take) => this.#take = take,
        postMessage: (message) => this.#give(message),
      },
      CONTROL,
      MAX_MESSAGE_BYTES,
      (...rest) =>
        blasEntries(BLAS_SYMBOLS, blasAttentionEntries, CONTROL.blas, ...rest),
    );
  }

  /** What goes wrong here is thrown, so that there is no event for it. */
  on(
    event: "message" | "error",
    listener: (message: FromWorker) => void,
  ): void {
    if (event === "message") this.#give = listener;
  }

  postMessage(message: ToWorker): void {
    this.#take(message);
  }

  ref(): void {}

  unref(): void {}

  terminate(): void {
    this.#take = () => {};
  }
}
