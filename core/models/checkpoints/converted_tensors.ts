import type { TensorFile } from "../../weights/tensor_file.ts";
import { freshRoom, type Room, ScratchRoom } from "../../weights/room.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import type { NamedTensors } from "../adapted_model.ts";
import type { Recipe } from "./checkpoint.ts";

/**
 * A model's tensors by name, each read and converted when it is asked for and
 * not kept: a checkpoint never lies in memory whole.
 */
export class ConvertedTensors
  implements ReadonlyMap<string, Float32Array<ArrayBuffer>> {
  readonly #file: TensorFile;
  readonly #recipes: ReadonlyMap<string, Recipe>;
  readonly #scratch = new ScratchRoom();

  /**
   * @param file Where the parts of the recipes are.
   * @param recipes By the model's names.
   */
  constructor(file: TensorFile, recipes: ReadonlyMap<string, Recipe>) {
    this.#file = file;
    this.#recipes = recipes;
  }

  /** Number of tensors. */
  get size(): number {
    return this.#recipes.size;
  }

  /** Whether there is a tensor of that name. */
  has(name: string): boolean {
    return this.#recipes.has(name);
  }

  /**
   * Reads a tensor from the disk.
   *
   * @throws {RangeError} If the file has changed since it was opened.
   */
  get(name: string): Float32Array<ArrayBuffer> | undefined {
    return this.#read(name, freshRoom);
  }

  /**
   * Reads a tensor into memory that the next one takes its place in: all
   * tensors one after another need no more than the largest does.
   *
   * @throws {RangeError} If the file has changed since it was opened.
   */
  lend(name: string): Float32Array<ArrayBuffer> | undefined {
    this.#scratch.clear();
    return this.#read(name, this.#scratch);
  }

  #read(name: string, room: Room): Float32Array<ArrayBuffer> | undefined {
    const recipe = this.#recipes.get(name);
    if (!recipe) return undefined;
    const parts = recipe.parts
      .map((part) => toFloat32(this.#file.read(part.name, room), room));
    return recipe.make(parts, room);
  }

  /** The names. */
  keys(): MapIterator<string> {
    return this.#recipes.keys();
  }

  /** The tensors, one read at a time. */
  *values(): MapIterator<Float32Array<ArrayBuffer>> {
    for (const [, values] of this.entries()) yield values;
  }

  /** Names and tensors, one read at a time. */
  *entries(): MapIterator<[string, Float32Array<ArrayBuffer>]> {
    for (const name of this.#recipes.keys()) yield [name, this.get(name)!];
  }

  /** Names and tensors, one read at a time. */
  [Symbol.iterator](): MapIterator<[string, Float32Array<ArrayBuffer>]> {
    return this.entries();
  }

  /** Calls back for every tensor, one read at a time. */
  forEach(
    work: (
      values: Float32Array<ArrayBuffer>,
      name: string,
      map: ReadonlyMap<string, Float32Array<ArrayBuffer>>,
    ) => void,
  ): void {
    for (const [name, values] of this.entries()) work(values, name, this);
  }
}

/**
 * A tensor for someone who copies it at once: it may be overwritten by the next
 * one that is lent.
 */
export function lendTensor(
  tensors: NamedTensors,
  name: string,
): Float32Array<ArrayBuffer> | undefined {
  return tensors instanceof ConvertedTensors
    ? tensors.lend(name)
    : tensors.get(name);
}
