/**
 * A peer that runs as a process of its own.
 *
 * @module
 */

import { linesOf, type Reply, type Request } from "./protocol.ts";

/** How to start a peer. */
export interface PeerCommand {
  /** Its column in the table. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether what it says it is, is what was wanted; default true. */
  accepts?(description: string): boolean;
  /** What to do where it is not found. */
  readonly install: string;
}

/** A peer that has said what it is. */
export class Peer {
  readonly name: string;
  /** Its own description, with version and threads. */
  readonly description: string;
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: AsyncGenerator<string>;

  private constructor(
    name: string,
    description: string,
    process: Deno.ChildProcess,
    lines: AsyncGenerator<string>,
  ) {
    this.name = name;
    this.description = description;
    this.#process = process;
    this.#writer = process.stdin.getWriter();
    this.#lines = lines;
  }

  /** Starts a peer, or says why there is none. */
  static async start(command: PeerCommand): Promise<Peer | string> {
    let process: Deno.ChildProcess;
    try {
      process = new Deno.Command(command.program, {
        args: [...command.args],
        env: { ...command.env },
        stdin: "piped",
        stdout: "piped",
        // What drivers and libraries grumble about is of no use to anyone.
        stderr: "null",
      }).spawn();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) {
        return `there is no ${command.program}`;
      }
      throw error;
    }
    const lines = linesOf(process.stdout);
    const first = await lines.next();
    const hello: Reply = first.done ? {} : JSON.parse(first.value);
    const { name, accepts = () => true } = command;
    if (hello.peer !== undefined && accepts(hello.peer)) {
      return new Peer(name, hello.peer, process, lines);
    }
    await process.stdin.close();
    await lines.return(undefined);
    const { code } = await process.status;
    if (hello.peer !== undefined) return `there is only ${hello.peer}`;
    return hello.missing ?? `it ended with code ${code}`;
  }

  /**
   * Asks for something and waits for the reply.
   *
   * @throws {TypeError} If the peer refuses or has ended.
   */
  async ask(request: Request): Promise<Reply> {
    const line = new TextEncoder().encode(`${JSON.stringify(request)}\n`);
    let reply: Reply = { error: "it has ended" };
    try {
      await this.#writer.write(line);
      const next = await this.#lines.next();
      if (!next.done) reply = JSON.parse(next.value);
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
    if (reply.error === undefined) return reply;
    throw new TypeError(
      `Cannot ask ${this.name} to ${request.do}: ${reply.error}`,
    );
  }

  /** Ends the process by closing its stdin, and waits for it. */
  async stop(): Promise<void> {
    try {
      await this.#writer.close();
    } catch {
      // It has ended by itself.
    }
    await this.#lines.return(undefined);
    await this.#process.status;
  }
}
