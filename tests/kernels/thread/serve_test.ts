import assert from "node:assert/strict";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import { DeviceError, type Engine } from "../../../kernels/engine.ts";
import {
  Calls,
  type Line,
  type Listener,
} from "../../../kernels/thread/calls.ts";
import type { Request } from "../../../kernels/thread/messages.ts";
import { serve } from "../../../kernels/thread/serve.ts";
import { ThreadEngine } from "../../../kernels/thread/thread_engine.ts";
import { feeds, type KernelUse, onePlan } from "../cpu/one_kernel.ts";

const add: KernelUse = {
  kernel: "add",
  attributes: { count: 3, alpha: 2 },
  inputs: [Float32Array.of(1, 2, 3), Float32Array.of(10, 20, 30)],
  outputs: [3],
};

/** A thread that is this one. */
class PortLine implements Line {
  readonly ended = false;
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  post(request: Request, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(request, transfer);
  }

  listen(listener: Listener): void {
    this.#port.on("message", (reply) => listener.settle(reply));
    this.#port.unref();
  }

  ref(): void {
    this.#port.ref();
  }

  unref(): void {
    this.#port.unref();
  }
}

/** The other end of a port to an engine that is served on this thread. */
async function reach(
  engine: Engine,
): Promise<{ engine: Engine; closed: Promise<void> }> {
  const { port1, port2 } = new MessageChannel();
  serve(port2, {
    find: () => Promise.resolve(undefined),
    open: () => Promise.resolve({ engine, choose() {} }),
  });
  const calls = new Calls(new PortLine(port1));
  const options = { allowSoftware: true, check: "never" } as const;
  const number = calls.engine;
  const opened = await calls.ask({ kind: "open", engine: number, options });
  const closed = Promise.withResolvers<void>();
  return {
    engine: new ThreadEngine(calls, opened, () => {
      port1.close();
      closed.resolve();
    }),
    closed: closed.promise,
  };
}

/** Works with a CPU engine on the other end of a port. */
async function withCpu(
  work: (engine: Engine) => Promise<void>,
  change: (engine: Engine) => Partial<Engine> = () => ({}),
): Promise<void> {
  const cpu = await openCpuEngine({ threads: 0, blas: "off" });
  const { name, description, limits } = cpu;
  const { engine, closed } = await reach({
    name,
    description,
    limits,
    allocate: (bytes, label) => cpu.allocate(bytes, label),
    compile: (plan) => cpu.compile(plan),
    close: () => cpu.close(),
    ...change(cpu),
  });
  try {
    await work(engine);
  } finally {
    engine.close();
    await closed;
  }
}

Deno.test("a served engine computes on what was written last", () =>
  withCpu(async (engine) => {
    const memory = engine.allocate(16, "weights");
    assert.deepEqual(await memory.read(0, 16), new ArrayBuffer(16));
    const plan = onePlan(add);
    const [call] = plan.calls;
    const place = { ...call.inputs[1]!, block: 1, offset: 0 };
    const program = await engine.compile({
      ...plan,
      memories: [memory],
      calls: [{ ...call, inputs: [call.inputs[0], place] }],
      inputs: new Map([...plan.inputs].slice(0, 1)),
    });
    const [input0] = add.inputs as [Float32Array<ArrayBuffer>];
    const numbers = Float32Array.of(9, 1, 2, 3, 9);
    memory.write(numbers.subarray(1, 4), 0);
    // What is written may change as soon as that was asked for.
    numbers.fill(0);
    const first = program.run({ input0 });
    memory.write(Float32Array.of(7), 4);
    const second = program.run({ input0 });
    assert.deepEqual((await first).output0, Float32Array.of(3, 6, 9));
    assert.deepEqual((await second).output0, Float32Array.of(3, 16, 9));
    const read = new Float32Array(await memory.read(4, 8));
    assert.deepEqual(read, Float32Array.of(7, 3));
  }));

Deno.test("runs of a served engine keep their inputs apart", () =>
  withCpu(async (engine) => {
    const program = await engine.compile(onePlan(add));
    const given = feeds(add);
    const runs = Array.from({ length: 20 }, async (_, i) => {
      const { output0 } = await program.run({
        ...given,
        input0: Float32Array.of(i, 0, 0),
      });
      assert.deepEqual(output0, Float32Array.of(i + 20, 40, 60));
    });
    await Promise.all(runs);
  }));

Deno.test("runs one after the other share one buffer of inputs", () =>
  withCpu(async (engine) => {
    const program = await engine.compile(onePlan(add));
    const { SharedArrayBuffer } = globalThis;
    let made = 0;
    globalThis.SharedArrayBuffer = class extends SharedArrayBuffer {
      constructor(bytes: number) {
        super(bytes);
        made++;
      }
    } as SharedArrayBufferConstructor;
    try {
      for (let run = 0; run < 20; run++) await program.run(feeds(add));
    } finally {
      globalThis.SharedArrayBuffer = SharedArrayBuffer;
    }
    assert.equal(made, 1);
  }));

Deno.test("a served engine refuses on this side what it can", () =>
  withCpu(async (engine) => {
    const { memoryBytes } = engine.limits;
    assert.throws(() => engine.allocate(0, "nothing"), {
      name: "RangeError",
      message: "Cannot allocate nothing: got 0 bytes, wanted 1 or more",
    });
    assert.throws(() => engine.allocate(memoryBytes + 1, "all"), {
      name: "RangeError",
      message: `Cannot allocate all: got ${memoryBytes + 1} bytes, wanted at ` +
        `most ${memoryBytes}`,
    });
    const memory = engine.allocate(16, "weights");
    assert.throws(() => memory.write(new Float32Array(5), 0), {
      name: "RangeError",
      message: "Cannot write weights: got bytes 0 to 20, wanted multiples of " +
        "4 within 0 to 16",
    });
    const program = await engine.compile(onePlan(add));
    await assert.rejects(program.run({}), {
      name: "TypeError",
      message: 'Cannot run the add: got no input "input0", wanted f32 [3]',
    });
    await withCpu(async (other) => {
      const foreign = { ...onePlan(add), memories: [other.allocate(4, "w")] };
      await assert.rejects(engine.compile(foreign), {
        name: "DeviceError",
        message: "Cannot compile add: got a memory of another engine",
      });
    });
    program.close();
    await assert.rejects(program.run(feeds(add)), {
      message: "Cannot run the add: it is closed",
    });
    memory.close();
    assert.throws(() => memory.read(0, 4), {
      message: "Cannot read weights: it is closed",
    });
    const closed = { ...onePlan(add), memories: [memory] };
    await assert.rejects(engine.compile(closed), {
      message: "Cannot compile add: memory weights is closed",
    });
  }));

Deno.test("errors of a served engine arrive with what they say", async () => {
  const hint = "use less";
  const full = Object.assign(
    new DeviceError("Cannot compile: it is full", { outOfMemory: true }),
    { hint },
  );
  const compile = () => Promise.reject(full);
  await withCpu(
    (engine) =>
      assert.rejects(engine.compile(onePlan(add)), (error) => {
        assert.ok(error instanceof DeviceError && error.outOfMemory);
        assert.equal(error.message, full.message);
        assert.equal((error as { hint?: string }).hint, hint);
        return true;
      }),
    () => ({ compile }),
  );
  for (const thrown of [new RangeError("r"), new TypeError("t")]) {
    const compile = () => Promise.reject(thrown);
    await withCpu(
      (engine) =>
        assert.rejects(engine.compile(onePlan(add)), {
          name: thrown.name,
          message: thrown.message,
        }),
      () => ({ compile }),
    );
  }
});

Deno.test("who uses a memory learns that there is none", () =>
  withCpu(async (engine) => {
    const memory = engine.allocate(16, "weights");
    memory.write(new Float32Array(4), 0);
    const full = { name: "DeviceError", message: "Cannot allocate weights" };
    await assert.rejects(memory.read(0, 4), full);
    const plan = { ...onePlan(add), memories: [memory] };
    await assert.rejects(engine.compile(plan), full);
    memory.close();
    const program = await engine.compile(onePlan(add));
    await program.run(feeds(add));
  }, () => ({
    allocate() {
      throw new DeviceError("Cannot allocate weights");
    },
  })));

Deno.test("an order that fails is met by all that follows", () =>
  withCpu(async (engine) => {
    const memory = engine.allocate(16, "weights");
    const program = await engine.compile(onePlan(add));
    memory.write(new Float32Array(4), 0);
    const lost = { name: "DeviceError", message: "Cannot go on: lost" };
    // Settles after the order, whose failure it meets.
    await assert.rejects(program.run(feeds(add)), lost);
    assert.throws(() => memory.write(new Float32Array(4), 0), lost);
    assert.throws(() => engine.allocate(16, "more"), lost);
    memory.close();
    program.close();
  }, (cpu) => ({
    allocate: (bytes, label) => ({
      ...cpu.allocate(bytes, label),
      write() {
        throw new DeviceError("Cannot go on: lost");
      },
    }),
  })));

Deno.test("closing a served engine rejects what is under way", () =>
  withCpu(async (engine) => {
    const program = await engine.compile(onePlan(add));
    const run = assert.rejects(program.run(feeds(add)), {
      name: "DeviceError",
      message: "Cannot go on: the engine was closed",
    });
    engine.close();
    engine.close();
    await run;
    program.close();
  }));
