/** Where a thread can be held, on its way to sleep. */
export const PLACES = [
  "obeys an order",
  "has taken a question",
  "has answered",
] as const;

/** One of them. */
export type Place = typeof PLACES[number];

const OPEN = 0;
const HELD = -1;

// Tests hook these.
const { notify, wait } = Atomics;

/** Holds a thread once, at the place that another one chooses. */
export class Gate {
  /** Of both threads: the place that is closed, open, or held. */
  readonly word: Int32Array<SharedArrayBuffer>;

  constructor(word = new Int32Array(new SharedArrayBuffer(4))) {
    this.word = word;
  }

  close(place: Place): void {
    Atomics.store(this.word, 0, numberOf(place));
  }

  /** Blocks until the other thread is held; says whether it is in time. */
  isHeld(place: Place, milliseconds: number): boolean {
    wait(this.word, 0, numberOf(place), milliseconds);
    return Atomics.load(this.word, 0) === HELD;
  }

  open(): void {
    Atomics.store(this.word, 0, OPEN);
    notify(this.word, 0);
  }

  /** Called where a thread passes a place. */
  pass(place: Place): void {
    const closed = numberOf(place);
    if (Atomics.compareExchange(this.word, 0, closed, HELD) !== closed) return;
    notify(this.word, 0);
    wait(this.word, 0, HELD);
  }
}

function numberOf(place: Place): number {
  return PLACES.indexOf(place) + 1;
}
