import { DeviceError } from "../engine.ts";

/** Calls may fail a moment before the device says that it was lost. */
const LOSS_IS_KNOWN_MS = 50;

/**
 * Makes sure that no error of a device goes unnoticed.
 *
 * WebGPU reports errors beside the calls that cause them. The guard turns an
 * uncaptured error and a lost device into a failure that every pending and
 * later use of the device meets, and errors of creation into exceptions.
 */
export class Guard {
  readonly #device: GPUDevice;
  readonly #pending = new Set<(error: DeviceError) => void>();
  readonly #idle: (() => void)[] = [];
  #inFlight = 0;
  #failure: DeviceError | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      this.fail(`Cannot go on: the device reported ${error.message}`);
    });
    device.lost.then((info) => {
      const reason = info.message || String(info.reason);
      this.fail(`Cannot go on: the device was lost: ${reason}`);
    });
  }

  /** Whether a failure has been met; it never heals. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Rejects what is pending and refuses what comes; the first cause stays. */
  fail(message: string): void {
    this.#failure ??= new DeviceError(message);
    for (const reject of this.#pending) reject(this.#failure);
    this.#pending.clear();
  }

  /** @throws {DeviceError} If the device has failed. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits for the device, or for its failure, whichever comes first. */
  watch<T>(work: Promise<T>, what: string): Promise<T> {
    this.check();
    this.#inFlight++;
    return new Promise<T>((resolve, reject) => {
      this.#pending.add(reject);
      const settle = (action: () => void) => {
        this.#pending.delete(reject);
        action();
        this.#leave();
      };
      work.then(
        (value) =>
          settle(() => this.#failure ? reject(this.#failure) : resolve(value)),
        async (cause) => {
          const error = await this.#errorFor(cause, what);
          settle(() => reject(error));
        },
      );
    });
  }

  /** Calls `action` when nothing watched is in flight, at once if so now. */
  whenIdle(action: () => void): void {
    if (this.#inFlight === 0) action();
    else this.#idle.push(action);
  }

  /**
   * Creates something inside error scopes.
   *
   * @param what Completes "Cannot …" in the message.
   * @throws {DeviceError} If the device refuses it or has not enough memory.
   */
  async create<T>(what: string, make: () => T): Promise<T> {
    const { made, error } = this.createLater(what, make);
    const failure = await error;
    if (failure !== undefined) throw failure;
    return made;
  }

  /** As {@linkcode create}, for callers that cannot wait for the verdict. */
  createLater<T>(
    what: string,
    make: () => T,
  ): { made: T; error: Promise<DeviceError | undefined> } {
    this.check();
    this.#device.pushErrorScope("out-of-memory");
    this.#device.pushErrorScope("internal");
    this.#device.pushErrorScope("validation");
    let made: T;
    const scopes: Promise<GPUError | null>[] = [];
    try {
      made = make();
    } catch (cause) {
      throw new DeviceError(`Cannot ${what}: ${messageOf(cause)}`);
    } finally {
      for (let i = 0; i < 3; i++) scopes.push(this.#device.popErrorScope());
    }
    const error = Promise.all(scopes).then((errors) => {
      const first = errors.find((error) => error !== null);
      if (first === undefined || first === null) return undefined;
      const outOfMemory = first instanceof GPUOutOfMemoryError;
      const reason = outOfMemory ? "out of memory, " : "";
      const message = `Cannot ${what}: ${reason}${first.message}`;
      return new DeviceError(message, { outOfMemory });
    }, (cause) => this.#errorFor(cause, what));
    return { made, error };
  }

  /** What to say of work that failed: if the device was lost, that it was. */
  async #errorFor(cause: unknown, what: string): Promise<DeviceError> {
    if (this.#failure === undefined) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const waited = new Promise((resolve) => {
        timer = setTimeout(resolve, LOSS_IS_KNOWN_MS);
      });
      await Promise.race([this.#device.lost, waited]);
      clearTimeout(timer);
    }
    return this.#failure ??
      new DeviceError(`Cannot ${what}: ${messageOf(cause)}`);
  }

  #leave(): void {
    if (--this.#inFlight > 0) return;
    for (const action of this.#idle.splice(0)) action();
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
