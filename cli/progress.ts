/**
 * Progress: one line that is redrawn on a terminal, plain lines elsewhere.
 *
 * @module
 */

// @ts-types="./cli_progress.d.ts"
import progress from "cli-progress";
import type { EpochRecord, StepProgress } from "../core/train/records.ts";
import { clock, count, percent, rate, short } from "./format.ts";
import type { Output } from "./output.ts";

const CELLS = 20;
const FEWEST_CELLS = 4;

/** ━━━━━━╸ for a share of the work. */
function strip(share: number, cells = CELLS): string {
  const halves = Math.round(2 * cells * Math.min(1, Math.max(0, share)));
  const full = Math.floor(halves / 2);
  return ("━".repeat(full) + "╸".repeat(halves % 2)).padEnd(cells);
}

/** One line of the terminal, redrawn; nothing without a terminal. */
class Line {
  readonly #bar: progress.SingleBar | undefined;
  #text = "";
  #started = false;

  constructor(output: Output, clear = false) {
    if (!output.interactive) return;
    this.#bar = new progress.SingleBar({
      format: () => cut(this.#text, output.columns),
      stream: streamOf(output),
      fps: 8,
      // Nothing to restore when the program is stopped.
      linewrap: true,
      hideCursor: false,
      clearOnComplete: clear,
      gracefulExit: false,
    });
  }

  /** Whether there is a line to draw. */
  get shown(): boolean {
    return this.#bar !== undefined;
  }

  draw(text: string): void {
    this.#text = text;
    if (!this.#bar) return;
    if (!this.#started) this.#bar.start(1, 0);
    this.#started = true;
    this.#bar.update(0);
  }

  /** Leaves the line as it is and goes to the next. */
  stop(): void {
    if (this.#started) this.#bar?.stop();
    this.#started = false;
  }
}

/** What cli-progress asks of a stream of Node's. */
function streamOf(output: Output): progress.Stream {
  return {
    isTTY: true,
    get columns() {
      return output.columns;
    },
    write: (text: string) => {
      output.raw(text);
      return true;
    },
  };
}

function cut(text: string, columns: number): string {
  const letters = [...text];
  return letters.length < columns
    ? text
    : letters.slice(0, columns - 2).join("") + "…";
}

/** Counts something that takes a while. */
export class CountBar {
  readonly #line: Line;
  readonly #noun: string;
  readonly #started = performance.now();

  constructor(output: Output, noun: string) {
    this.#line = new Line(output);
    this.#noun = noun;
  }

  /** Shows how far it is. */
  update(done: number, total: number): void {
    const seconds = (performance.now() - this.#started) / 1000;
    const left = done > 0 ? seconds / done * (total - done) : 0;
    this.#line.draw(
      `${strip(done / total)}  ${count(done)}/${count(total)} ` +
        `${this.#noun} · ${clock(left)} left`,
    );
  }

  /** Leaves the line. */
  stop(): void {
    this.#line.stop();
  }
}

/** What a training bar says at its left. */
export interface TrainBarLabels {
  readonly title: string;
  readonly trainable: number;
  /** One of many: it goes when it is done, and is silent without a terminal. */
  readonly brief?: boolean;
}

/** Follows a training run. */
export class TrainBar {
  readonly #output: Output;
  readonly #line: Line;
  readonly #title: string;
  readonly #label: string;
  readonly #brief: boolean;
  #validation = "";
  #last: { step: StepProgress; at: number } | undefined;
  #done = 0;
  #started = performance.now();

  constructor(
    output: Output,
    { title, trainable, brief = false }: TrainBarLabels,
  ) {
    this.#output = output;
    this.#brief = brief;
    this.#line = new Line(output, brief);
    this.#title = `${title.padEnd(7)} `;
    this.#label = `${this.#title}${count(trainable).padStart(9)} trainable  `;
  }

  /** Steps that an earlier run did take no time here. */
  onStep(step: StepProgress): void {
    const done = (step.epoch - 1) * step.steps + step.step;
    if (!this.#last) {
      this.#done = done;
      this.#started = performance.now();
    }
    this.#last = { step, at: done };
    if (this.#line.shown) this.#line.draw(this.#text());
  }

  /** One line an epoch where there is no terminal. */
  onEpoch(record: EpochRecord): void {
    const { validationTop1, epoch, trainLoss, trainTop1 } = record;
    if (validationTop1 !== undefined) {
      this.#validation = ` · val ${percent(validationTop1)}`;
    }
    if (this.#line.shown) {
      this.#line.draw(this.#text());
      return;
    }
    if (this.#brief) return;
    const epochs = this.#last?.step.epochs ?? epoch;
    this.#output.note(
      `${this.#label}epoch ${`${epoch}`.padStart(`${epochs}`.length)}/` +
        `${epochs}  loss ${short(trainLoss)} · train ${percent(trainTop1)}` +
        `${this.#validation} · ${rate(record.imagesPerSecond)} · ` +
        `${clock(this.#left())} left`,
    );
  }

  /** Leaves the bar. */
  stop(): void {
    this.#line.stop();
  }

  #text(): string {
    if (!this.#last) return this.#label;
    const { epoch, epochs, steps, loss, imagesPerSecond } = this.#last.step;
    const share = this.#last.at / (epochs * steps);
    const left = share < 1 && this.#last.at > this.#done
      ? ` · ${clock(this.#left())} left`
      : "";
    const before = `epoch ${
      `${epoch}`.padStart(`${epochs}`.length)
    }/${epochs} `;
    const after = `  loss ${short(loss)}${this.#validation} · ` +
      `${rate(imagesPerSecond)}${left}`;
    // A narrow terminal first loses the count, then cells of the bar.
    const { columns } = this.#output;
    const room = columns - before.length - after.length - 1;
    const label = room < this.#label.length + CELLS ? this.#title : this.#label;
    const cells = Math.min(CELLS, room - label.length);
    return label + before + strip(share, Math.max(FEWEST_CELLS, cells)) + after;
  }

  #left(): number {
    if (!this.#last) return 0;
    const { epochs, steps } = this.#last.step;
    const done = this.#last.at - this.#done;
    const seconds = (performance.now() - this.#started) / 1000;
    const left = epochs * steps - this.#last.at;
    return done > 0 ? seconds / done * left : 0;
  }
}
