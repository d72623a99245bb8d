import type { Engine, Memory, Program } from "../engine.ts";
import type { CheckedWebgpu } from "../open_webgpu.ts";
import type { ChooseMatmul } from "../webgpu/matmul_variant.ts";
import type { Answers, Asked, Order } from "./messages.ts";
import { RunInputs } from "./run_inputs.ts";

/** A memory, or why there is none. */
type Kept = { readonly memory: Memory } | { readonly error: unknown };

/** An engine whose memories and programs go by numbers. */
export class ServedEngine {
  readonly number: number;
  readonly engine: Engine;
  readonly #choose: ChooseMatmul;
  readonly #memories = new Map<number, Kept>();
  readonly #programs = new Map<
    number,
    { readonly program: Program; readonly inputs: RunInputs }
  >();

  constructor(number: number, { engine, choose }: CheckedWebgpu) {
    this.number = number;
    this.engine = engine;
    this.#choose = choose;
  }

  /** Does what is not answered. */
  obey(order: Order): void {
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
      case "choose":
        return this.#choose(order.key, order.variant);
      case "drop": {
        const { program } = this.#programs.get(order.program)!;
        this.#programs.delete(order.program);
        return program.close();
      }
    }
  }

  /** Answers what is about the engine. */
  async resultOf(
    question: Asked<"read" | "compile" | "run" | "profile" | "computed">,
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
        return await this.engine.computed?.();
    }
  }

  /** The failure waits for who uses the memory. */
  #allocate({ bytes, label }: Asked<"allocate">): Kept {
    try {
      return { memory: this.engine.allocate(bytes, label) };
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
    const program = await this.engine.compile({ ...plan, memories });
    const inputs = new RunInputs(plan.inputs);
    this.#programs.set(number, { program, inputs });
    return { profiles: program.profile !== undefined };
  }
}
