/**
 * The only place that writes to the console.
 *
 * Results go to stdout, all else to stderr; with `--json` stdout gets one JSON
 * document and nothing else.
 *
 * @module
 */

import { styleText } from "node:util";
import { hintOf } from "../core/errors.ts";
import { FailedWith } from "./failed_with.ts";

/** A style of `node:util`'s `styleText`. */
export type Style = "bold" | "dim" | "red" | "yellow" | "green" | "cyan";

/** How to write. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly verbose?: boolean;
}

const USUAL_COLUMNS = 80;

/** Writes to the console. */
export class Output {
  readonly json: boolean;
  readonly verbose: boolean;

  constructor({ json = false, verbose = false }: OutputOptions = {}) {
    this.json = json;
    this.verbose = verbose;
  }

  /** Whether stderr is a terminal, so that a line can be redrawn. */
  get interactive(): boolean {
    return Deno.stderr.isTerminal();
  }

  /** Columns of the terminal. */
  get columns(): number {
    try {
      // Some terminals do not know their size.
      return Deno.consoleSize().columns || USUAL_COLUMNS;
    } catch {
      return USUAL_COLUMNS; // Not a terminal.
    }
  }

  /** A line of the result. */
  print(line = ""): void {
    write(this.json ? Deno.stderr : Deno.stdout, line + "\n");
  }

  /** A line that is not part of the result. */
  note(line = ""): void {
    write(Deno.stderr, line + "\n");
  }

  /** A line for whoever asked for details. */
  detail(line: string): void {
    if (this.verbose) this.note(this.dim(line));
  }

  /** Something that the user should know but that stops nothing. */
  warn(line: string): void {
    this.note(`${paint(Deno.stderr, "yellow", "warning:")} ${line}`);
  }

  /** Text as it is, to stderr: the progress bar's. */
  raw(text: string): void {
    write(Deno.stderr, text);
  }

  /** The document that `--json` asks for. */
  document(value: unknown): void {
    if (this.json) write(Deno.stdout, JSON.stringify(value, replace) + "\n");
  }

  /** An error and its remedy; the stack only with `--verbose`. */
  error(error: unknown): void {
    const message = messageOf(error);
    const hint = hintOf(error);
    this.note(`${paint(Deno.stderr, "red", "error:")} ${message}`);
    if (hint) this.note(`${paint(Deno.stderr, "cyan", "hint:")}  ${hint}`);
    if (error instanceof Error) this.detail(error.stack ?? "");
    if (error instanceof Error && error.cause instanceof Error) {
      this.detail(`caused by ${error.cause.stack ?? error.cause.message}`);
    }
    const found = error instanceof FailedWith ? error.document : {};
    this.document({ ...found, error: { message, hint } });
  }

  /** Marks the row or number that matters, where colour is wanted. */
  bold(text: string): string {
    return paint(this.json ? Deno.stderr : Deno.stdout, "bold", text);
  }

  /** Steps text back, where colour is wanted. */
  dim(text: string): string {
    return paint(Deno.stderr, "dim", text);
  }
}

/** Says what went wrong in one sentence. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The system's own errors say what, but not of which kind.
  return error.message || error.name;
}

type Stream = typeof Deno.stdout | typeof Deno.stderr;

function paint(stream: Stream, style: Style, text: string): string {
  if (Deno.noColor || !stream.isTerminal()) return text;
  return styleText(style, text, { validateStream: false });
}

function write(stream: Stream, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let done = 0; done < bytes.length;) {
      done += stream.writeSync(bytes.subarray(done));
    }
  } catch (error) {
    // Whoever reads has gone, as in `alore params | head -1`.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Maps become objects, typed arrays become lists. */
function replace(_key: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Float32Array) return [...value];
  return value;
}
