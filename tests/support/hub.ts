/**
 * A hub on this machine that misbehaves on request.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** How it answers for `model.safetensors`. */
export interface Mischief {
  /** Bytes after which each connection ends. */
  dropAfter?: number;
  /** Bytes after which each connection stays open and says nothing more. */
  stallAfter?: number;
  /** Added to the size that is announced. */
  sizeOff?: number;
  /** The hash that is announced instead of the right one. */
  hash?: string;
  /** Answers ranges with the whole file. */
  noRanges?: boolean;
  /** Answers that fail before one works. */
  failures?: number;
  /** Sends more than there is. */
  trailing?: number;
}

/** A server with one repository, `owner/model`. */
export class TestHub {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #prefix: string;
  /** What `GET` asked for, as `NAME RANGE`. */
  readonly asked: string[] = [];
  /** How it answers from now on. */
  mischief: Mischief = {};

  /** @param revision As it stands in addresses. */
  constructor(
    files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
    revision = "main",
  ) {
    this.#prefix = `/owner/model/resolve/${revision}/`;
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      (request) => this.#answer(request, files),
    );
  }

  /** Its address. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #answer(
    request: Request,
    files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  ): Response {
    const { pathname } = new URL(request.url);
    const name = pathname.slice(this.#prefix.length);
    const content = pathname.startsWith(this.#prefix)
      ? files.get(name)
      : undefined;
    if (!content) return new Response(null, { status: 404 });
    if (request.method === "HEAD") return this.#announce(name, content);
    this.asked.push(`${name} ${request.headers.get("range") ?? "all"}`);
    if (name !== "model.safetensors") return new Response(content);
    return this.#send(request.headers.get("range"), content);
  }

  #announce(name: string, content: Uint8Array): Response {
    if (name !== "model.safetensors") {
      const git = createHash("sha1").update(`blob ${content.length}\0`)
        .update(content).digest("hex");
      return new Response(null, {
        headers: { etag: `"${git}"`, ["x-linked-size"]: `${content.length}` },
      });
    }
    const { sizeOff = 0, hash } = this.mischief;
    const digest = hash ?? createHash("sha256").update(content).digest("hex");
    return new Response(null, {
      status: 302,
      headers: {
        location: "http://127.0.0.1:1/storage",
        ["x-linked-size"]: `${content.length + sizeOff}`,
        ["x-linked-etag"]: `"${digest}"`,
      },
    });
  }

  #send(range: string | null, content: Uint8Array<ArrayBuffer>): Response {
    const { mischief } = this;
    if (mischief.failures) {
      mischief.failures--;
      return new Response("busy", { status: 503 });
    }
    const from = mischief.noRanges ? 0 : Number(/\d+/.exec(range ?? "0")?.[0]);
    const { stallAfter, trailing = 0 } = mischief;
    const most = stallAfter ?? mischief.dropAfter ?? Infinity;
    const rest = content.subarray(from, from + most);
    const drops = from + rest.length < content.length;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        controller.enqueue(rest);
        if (trailing) controller.enqueue(new Uint8Array(trailing));
      },
      async pull(controller) {
        // The piece must have left before the connection breaks.
        await new Promise((done) => setTimeout(done, 50));
        if (drops && stallAfter) return await new Promise(() => {});
        if (drops) controller.error(new Error("dropped"));
        else controller.close();
      },
    });
    if (from === 0) return new Response(body);
    const last = content.length - 1;
    return new Response(body, {
      status: 206,
      headers: { "content-range": `bytes ${from}-${last}/${content.length}` },
    });
  }
}
