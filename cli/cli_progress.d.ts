/** The part of cli-progress that is used here; it ships no types. */
declare namespace progress {
  interface Stream {
    readonly isTTY: boolean;
    readonly columns: number;
    write(text: string): boolean;
  }

  interface Options {
    format: () => string;
    stream: Stream;
    fps: number;
    linewrap: boolean;
    hideCursor: boolean;
    clearOnComplete: boolean;
    gracefulExit: boolean;
  }

  class SingleBar {
    constructor(options: Options);
    start(total: number, value: number): void;
    update(value: number): void;
    stop(): void;
  }
}

export default progress;
