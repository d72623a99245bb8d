/**
 * The contract between the graph and the engines that run it.
 *
 * A plan is a list of kernel calls whose tensors have fixed places: in the
 * plan's own arena (block 0) or in a persistent memory (blocks 1, 2, …). An
 * engine compiles a plan once into a program and replays it; nothing is
 * allocated, compiled or shaped inside `Program.run`.
 *
 * @module
 */

/** Element types that engines compute with; both are four bytes wide. */
export type Dtype = "f32" | "i32";

/** What may lie in memory; f16 is two bytes wide, and computed with as f32. */
export type StorageType = Dtype | "f16";

/** In what weights that stay frozen and activations are stored. */
export type Precision = "f32" | "f16";

/** Operands of a kernel that may be stored as f16. */
export interface HalfOperands {
  /** Positions among the inputs. */
  readonly inputs: readonly number[];
  /** Positions among the outputs. */
  readonly outputs: readonly number[];
}

/** Of a kernel whose operands are all stored as f32. */
export const NO_HALF: HalfOperands = { inputs: [], outputs: [] };

/** Arrays that cross the border between the host and an engine. */
export type HostArray = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** Places start at multiples of this many bytes (WebGPU's binding offsets). */
export const PLACE_ALIGNMENT = 256;

/** Where a tensor lives while a program runs. */
export interface Place {
  /** 0 is the plan's arena, i > 0 is `plan.memories[i - 1]`. */
  readonly block: number;
  /** In bytes, a multiple of {@linkcode PLACE_ALIGNMENT}. */
  readonly offset: number;
  /** Row-major, contiguous. */
  readonly shape: readonly number[];
  /** Type of its elements. */
  readonly dtype: StorageType;
}

/** One kernel with its operands. */
export interface KernelCall {
  /** The name of the op, and of the kernel in each engine's registry. */
  readonly kernel: string;
  /** Optional operands that are absent are `undefined`. */
  readonly inputs: readonly (Place | undefined)[];
  /** Results that nothing reads are `undefined` and are not stored. */
  readonly outputs: readonly (Place | undefined)[];
  /** Sizes and constants that the kernel is specialised on. */
  readonly attributes: Readonly<Record<string, number>>;
}

/** Memory that outlives a program: weights, optimizer state. */
export interface Memory {
  /** For messages. */
  readonly label: string;
  /** Size, fixed. */
  readonly bytes: number;
  /** Copies `data` to byte `offset`; ordered with the runs of programs. */
  write(data: HostArray, offset: number): void;
  /** Reads `bytes` bytes from byte `offset`, after all runs made before. */
  read(offset: number, bytes: number): Promise<ArrayBuffer>;
  /** Frees it; programs that use it must be closed before. */
  close(): void;
}

/** What the graph hands to an engine. */
export interface Plan {
  /** What messages call it. */
  readonly label: string;
  /** Room for every value that does not outlive a run. */
  readonly arenaBytes: number;
  /** What places of block 1, 2, … refer to. */
  readonly memories: readonly Memory[];
  /** The kernels in the order in which they run. */
  readonly calls: readonly KernelCall[];
  /** Written before each run. */
  readonly inputs: ReadonlyMap<string, Place>;
  /** Read after each run. */
  readonly outputs: ReadonlyMap<string, Place>;
}

/** What one call of a plan took in one run. */
export interface CallTime {
  /** Milliseconds in its kernels; of several threads, their mean. */
  readonly busy: number;
  /** Milliseconds in which threads waited for each other, likewise. */
  readonly waiting: number;
}

/** Where the time of one run went. */
export interface RunProfile {
  /** One for each call of the plan, in order. */
  readonly calls: readonly CallTime[];
  /** Milliseconds from writing the inputs to having read the outputs. */
  readonly total: number;
}

/** A compiled plan. */
export interface Program {
  /**
   * Writes the inputs, runs every call in order, and reads the outputs.
   *
   * Runs are queued: a caller may start the next before the last has settled,
   * and results come in order.
   *
   * @param inputs Every input of the plan by name; the arrays must not change
   * until the promise settles.
   * @returns The outputs by name, as fresh arrays.
   * @throws {TypeError} If an input is missing, unknown, or has the wrong length
   * or type.
   * @throws {DeviceError} If the device fails; the message names the kernel.
   */
  run(
    inputs: Readonly<Record<string, HostArray>>,
  ): Promise<Record<string, HostArray>>;
  /**
   * Does what `run` does, reads the clock around every call, and drops the
   * outputs. Slower than `run`; only where the device has such a clock.
   *
   * @throws As `run` does.
   */
  profile?(inputs: Readonly<Record<string, HostArray>>): Promise<RunProfile>;
  /** Frees the arena and whatever else the program made. */
  close(): void;
}

/** The largest things an engine can hold, in bytes. */
export interface EngineLimits {
  /** One memory or arena. */
  readonly memoryBytes: number;
  /** One tensor, except for flat ranges that only elementwise ops read. */
  readonly tensorBytes: number;
  /**
   * One of the buffers that a memory or arena consists of, a multiple of
   * {@linkcode PLACE_ALIGNMENT}: no tensor may cross the end of one. Left out,
   * memories are of one piece.
   */
  readonly bufferBytes?: number;
}

/** A device that runs plans. */
export interface Engine {
  /** Its kind. */
  readonly name: "cpu" | "webgpu";
  /** One line for people: adapter or threads. */
  readonly description: string;
  /** The largest things it can hold. */
  readonly limits: EngineLimits;
  /**
   * Which operands of a kernel may be stored as f16; left out, the engine
   * stores everything as f32.
   */
  readonly half?: (kernel: string) => HalfOperands;
  /**
   * Makes a persistent memory filled with zeros.
   *
   * @param bytes Greater than 0.
   * @throws {RangeError} If it exceeds the limits.
   */
  allocate(bytes: number, label: string): Memory;
  /**
   * Compiles a plan.
   *
   * @throws {DeviceError} If a kernel does not compile; the message names it.
   */
  compile(plan: Plan): Promise<Program>;
  /**
   * Waits until the device has computed what programs were told to, though the
   * results may still be on their way; where the two cannot be told apart, it is
   * left out or may settle earlier.
   */
  computed?(): Promise<void>;
  /** Frees everything that was not closed before. */
  close(): void;
}

/** The device is missing, was lost, ran out of memory or refused a kernel. */
export class DeviceError extends Error {
  /** Tells it apart without `instanceof`. */
  override name = "DeviceError";
  /** Whether a smaller piece of work may succeed on the same device. */
  readonly outOfMemory: boolean;

  /** An error, with `outOfMemory` where an allocation was refused. */
  constructor(
    message: string,
    options: ErrorOptions & { outOfMemory?: boolean } = {},
  ) {
    super(message, options);
    this.outOfMemory = options.outOfMemory ?? false;
  }
}

/** Bytes of a tensor, four an element unless told otherwise. */
export function byteLength(
  shape: readonly number[],
  dtype: StorageType = "f32",
): number {
  return shape.reduce((bytes, size) => bytes * size, elementBytes(dtype));
}

/** Bytes of an element. */
export function elementBytes(dtype: StorageType): number {
  return dtype === "f16" ? 2 : 4;
}

/** Bytes of a tensor in whole words, in which the host writes and reads. */
export function wordBytes(
  { shape, dtype }: Pick<Place, "shape" | "dtype">,
): number {
  return Math.ceil(byteLength(shape, dtype) / 4) * 4;
}

/**
 * The first offset from `offset` on at which a tensor of so many bytes does not
 * cross the end of a buffer; one that is larger than a buffer has to.
 */
export function placeWithin(
  offset: number,
  bytes: number,
  bufferBytes = Infinity,
): number {
  if (bytes > bufferBytes) return offset;
  const end = (Math.floor(offset / bufferBytes) + 1) * bufferBytes;
  return offset + bytes > end ? end : offset;
}

/** The smallest multiple of {@linkcode PLACE_ALIGNMENT} that holds `bytes`. */
export function alignPlace(bytes: number): number {
  return Math.ceil(bytes / PLACE_ALIGNMENT) * PLACE_ALIGNMENT;
}
