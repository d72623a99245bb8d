import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { Engine, Memory, Program } from "../engine.ts";
import {
  type Answers,
  packError,
  type Reply,
  type Request,
} from "./messages.ts";
import { RunInputs } from "./run_inputs.ts";

type Asked<K> = Extract<Request, { readonly kind: K }>;

/** A memory, or why there is none. */
type Kept = { readonly memory: Memory } | { readonly error: unknown };

/** Lets the other end of a port use an engine, until it closes it. */
export function serve(port: MessagePort, engine: Engine): void {
  const served = new ServedEngine(port, engine);
  port.on("message", (request: Request) => {
    served.take(request);
    // An engine may block the thread as soon as the event loop turns: whatever
    // was asked for until now goes to the device first.
    for (let next; (next = receiveMessageOnPort(port)) !== undefined;) {
      served.take(next.message);
    }
  });
}

class ServedEngine {
  readonly #port: MessagePort;
  readonly #engine: Engine;
  readonly #memories = new Map<number, Kept>();
  readonly #programs = new Map<
    number,
    { readonly program: Program; readonly inputs: RunInputs }
  >();

  constructor(port: MessagePort, engine: Engine) {
    this.#port = port;
    this.#engine = engine;
  }

  /** Starts what is asked for, in the order in which that comes. */
  take(request: Request): void {
    if ("id" in request) {
      this.#answer(request);
      return;
    }
    try {
      this.#obey(request);
    } catch (error) {
      this.#port.postMessage({ error: packError(error) } satisfies Reply);
    }
  }

  #obey(order: Exclude<Request, { readonly id: number }>): void {
    switch (order.kind) {
      case "allocate":
        return void this.#memories.set(order.memory, this.#allocate(order));
      case "write": {
        const kept = this.#memories.get(order.memory)!;
        if ("error" in kept) return;
        return kept.memory.write(new Float32Array(order.data), order.offset);
      }
      case "free": {
        const kept = this.#memories.get(order.memory)!;
        this.#memories.delete(order.memory);
        if ("memory" in kept) kept.memory.close();
        return;
      }
      case "drop": {
        const { program } = this.#programs.get(order.program)!;
        this.#programs.delete(order.program);
        return program.close();
      }
      case "close":
        this.#engine.close();
        return this.#port.close();
    }
  }

  async #answer(question: Asked<keyof Answers>): Promise<void> {
    const { id } = question;
    try {
      const result = await this.#resultOf(question);
      this.#port.postMessage({ id, result } satisfies Reply, buffersOf(result));
    } catch (error) {
      this.#port.postMessage({ id, error: packError(error) } satisfies Reply);
    }
  }

  async #resultOf(
    question: Asked<keyof Answers>,
  ): Promise<Answers[keyof Answers]> {
    switch (question.kind) {
      case "read": {
        const { memory, offset, bytes } = question;
        return await this.#memory(memory).read(offset, bytes);
      }
      case "compile":
        return await this.#compile(question);
      case "run": {
        const { program, inputs } = this.#programs.get(question.program)!;
        return await program.run(inputs.unpack(question.inputs));
      }
      case "profile": {
        const { program, inputs } = this.#programs.get(question.program)!;
        return await program.profile!(inputs.unpack(question.inputs));
      }
      case "computed":
        return await this.#engine.computed?.();
    }
  }

  /** The failure waits for who uses the memory. */
  #allocate({ bytes, label }: Asked<"allocate">): Kept {
    try {
      return { memory: this.#engine.allocate(bytes, label) };
    } catch (error) {
      return { error };
    }
  }

  #memory(number: number): Memory {
    const kept = this.#memories.get(number)!;
    if ("error" in kept) throw kept.error;
    return kept.memory;
  }

  async #compile(
    { program: number, plan }: Asked<"compile">,
  ): Promise<Answers["compile"]> {
    const memories = plan.memories.map((memory) => this.#memory(memory));
    const program = await this.#engine.compile({ ...plan, memories });
    const inputs = new RunInputs(plan.inputs);
    this.#programs.set(number, { program, inputs });
    return { profiles: program.profile !== undefined };
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
