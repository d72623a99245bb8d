import { checkInputs } from "../check_inputs.ts";
import { checkAccess, checkSize } from "../check_memory.ts";
import {
  DeviceError,
  type Engine,
  type EngineLimits,
  type HostArray,
  type Memory,
  NO_HALF,
  type Plan,
  type Program,
} from "../engine.ts";
import type { Calls } from "./calls.ts";
import type { Opened } from "./messages.ts";
import { RunInputs } from "./run_inputs.ts";

/** An engine on another thread, which serves it: see `serve`. */
export class ThreadEngine implements Engine {
  readonly name: Engine["name"];
  readonly description: string;
  readonly limits: EngineLimits;
  readonly half?: Engine["half"];
  readonly #calls: Calls;
  readonly #onClose: () => void;
  #memories = 0;
  #programs = 0;
  #closed = false;

  /** @param onClose Called when the other thread has closed it. */
  constructor(calls: Calls, opened: Opened, onClose: () => void = () => {}) {
    const { name, description, limits, half } = opened;
    this.name = name;
    this.description = description;
    this.limits = limits;
    if (half) this.half = (kernel) => half.get(kernel) ?? NO_HALF;
    this.#calls = calls;
    this.#onClose = onClose;
  }

  allocate(bytes: number, label: string): Memory {
    this.#calls.check();
    checkSize(bytes, label, this.limits);
    return new ThreadMemory(this.#calls, this.#memories++, bytes, label);
  }

  async compile(plan: Plan): Promise<Program> {
    const { label, arenaBytes, calls, inputs, outputs } = plan;
    const memories = plan.memories.map((memory) => {
      if (!(memory instanceof ThreadMemory) || memory.calls !== this.#calls) {
        throw new DeviceError(
          `Cannot compile ${label}: got a memory of another engine`,
        );
      }
      if (!memory.closed) return memory.number;
      throw new TypeError(
        `Cannot compile ${label}: memory ${memory.label} is closed`,
      );
    });
    const number = this.#programs++;
    const { profiles } = await this.#calls.ask({
      kind: "compile",
      program: number,
      plan: { label, arenaBytes, memories, calls, inputs, outputs },
    });
    return new ThreadProgram(this.#calls, number, plan, profiles);
  }

  async computed(): Promise<void> {
    await this.#calls.ask({ kind: "computed" });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const cause = new DeviceError("Cannot go on: the engine was closed");
    // A thread that ends meanwhile has nothing left to close.
    this.#calls.close(cause).then(this.#onClose, () => {});
  }
}

class ThreadMemory implements Memory {
  readonly calls: Calls;
  readonly number: number;
  readonly bytes: number;
  readonly label: string;
  #closed = false;

  constructor(calls: Calls, number: number, bytes: number, label: string) {
    this.calls = calls;
    this.number = number;
    this.bytes = bytes;
    this.label = label;
    calls.order({ kind: "allocate", memory: number, bytes, label });
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(data: HostArray, offset: number): void {
    this.calls.check();
    checkAccess(this, "write", offset, data.byteLength);
    const copy = data.slice().buffer;
    this.calls.order(
      { kind: "write", memory: this.number, data: copy, offset },
      [copy],
    );
  }

  read(offset: number, bytes: number): Promise<ArrayBuffer> {
    this.calls.check();
    checkAccess(this, "read", offset, bytes);
    const { number: memory } = this;
    return this.calls.ask({ kind: "read", memory, offset, bytes });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.calls.failed) return;
    this.calls.order({ kind: "free", memory: this.number });
  }
}

class ThreadProgram implements Program {
  readonly profile?: Program["profile"];
  readonly #calls: Calls;
  readonly #number: number;
  readonly #plan: Pick<Plan, "label" | "inputs">;
  readonly #inputs: RunInputs;
  #closed = false;

  constructor(
    calls: Calls,
    number: number,
    { label, inputs }: Plan,
    profiles: boolean,
  ) {
    this.#calls = calls;
    this.#number = number;
    this.#plan = { label, inputs };
    this.#inputs = new RunInputs(inputs);
    if (profiles) {
      this.profile = (given) =>
        this.#withInputs(
          given,
          (inputs) =>
            this.#calls.ask({ kind: "profile", program: number, inputs }),
        );
    }
  }

  run(
    given: Readonly<Record<string, HostArray>>,
  ): Promise<Record<string, HostArray>> {
    return this.#withInputs(
      given,
      (inputs) =>
        this.#calls.ask({ kind: "run", program: this.#number, inputs }),
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#calls.failed) return;
    this.#calls.order({ kind: "drop", program: this.#number });
  }

  async #withInputs<T>(
    given: Readonly<Record<string, HostArray>>,
    ask: (inputs: SharedArrayBuffer) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) {
      throw new TypeError(`Cannot run the ${this.#plan.label}: it is closed`);
    }
    checkInputs(this.#plan, given);
    const inputs = this.#inputs.pack(given);
    try {
      return await ask(inputs);
    } finally {
      this.#inputs.release(inputs);
    }
  }
}
