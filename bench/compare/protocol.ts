/**
 * What the driver of a comparison and the programs that it compares say to each
 * other: one JSON document a line, a request on the peer's stdin, its reply on
 * stdout. A peer first says what it is.
 *
 * @module
 */

import type { Work } from "./works.ts";

/** What a peer is asked to do. */
export type Request =
  /** Build the model of a work, warm up, and time one step. */
  | { readonly do: "open"; readonly work: Work; readonly onnx?: string }
  /** Do steps of the open work. */
  | { readonly do: "run"; readonly steps: number }
  /** Multiply two square matrices. */
  | { readonly do: "gemm"; readonly size: number; readonly runs: number }
  /** Write the model of a work as ONNX. */
  | { readonly do: "export"; readonly work: Work; readonly path: string }
  /** Say how much memory the process had at most. */
  | { readonly do: "memory" }
  /** Free the open work. */
  | { readonly do: "close" };

/** What a peer answers. */
export interface Reply {
  /** In the first line: its name and version. */
  readonly peer?: string;
  /** In the first line: what the machine lacks for it. */
  readonly missing?: string;
  /** Why a request could not be met. */
  readonly error?: string;
  /** Of the steps of `run`, or of one step after `open`. */
  readonly seconds?: number;
  /** Of the first step after `open`, with whatever was compiled for it. */
  readonly firstSeconds?: number;
  /** Of `gemm`, the median. */
  readonly gflops?: number;
  /** Of `memory`. */
  readonly bytes?: number;
}

/** One request, one reply. */
export type Handler = (request: Request) => Promise<Reply>;

/** Answers the requests on stdin until it ends. */
export async function serve(peer: string, handle: Handler): Promise<void> {
  say({ peer });
  for await (const line of linesOf(Deno.stdin.readable)) {
    try {
      say(await handle(JSON.parse(line)));
    } catch (error) {
      say({ error: error instanceof Error ? error.message : String(error) });
    }
  }
}

/** Writes one reply. */
export function say(reply: Reply): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(reply)}\n`);
  for (let done = 0; done < bytes.length;) {
    done += Deno.stdout.writeSync(bytes.subarray(done));
  }
}

/** The lines of a stream, as they come; what follows the last is dropped. */
export async function* linesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
