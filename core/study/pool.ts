/** Keeps what was read lately, up to a number of bytes. */
export class Pool<T> {
  readonly #room: number;
  readonly #bytesOf: (value: T) => number;
  readonly #drop: (value: T) => void;
  readonly #kept = new Map<string, T>();

  /**
   * @param room Bytes; the value that is asked for stays even if it is larger.
   * @param bytesOf What a value takes.
   * @param drop Called with values that have to go.
   */
  constructor(
    room: number,
    bytesOf: (value: T) => number,
    drop: (value: T) => void = () => {},
  ) {
    this.#room = room;
    this.#bytesOf = bytesOf;
    this.#drop = drop;
  }

  /** The value of a key, read if it is not there. */
  async get(key: string, read: () => Promise<T>): Promise<T> {
    const before = this.#kept.get(key);
    if (before !== undefined) {
      this.#kept.delete(key); // And to the end: the last used goes last.
      this.#kept.set(key, before);
      return before;
    }
    const value = await read();
    let bytes = this.#bytesOf(value);
    for (const kept of this.#kept.values()) bytes += this.#bytesOf(kept);
    for (const [oldest, kept] of this.#kept) {
      if (bytes <= this.#room) break;
      bytes -= this.#bytesOf(kept);
      this.#kept.delete(oldest);
      this.#drop(kept);
    }
    this.#kept.set(key, value);
    return value;
  }

  /** Drops everything. */
  clear(): void {
    for (const value of this.#kept.values()) this.#drop(value);
    this.#kept.clear();
  }
}
