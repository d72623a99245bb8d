/**
 * Downloads a file whose size and hash are known, and goes on where an earlier
 * attempt stopped.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { hinted } from "../errors.ts";
import { fileSource } from "./byte_source.ts";

/** The hash that a file must have. */
export interface Digest {
  /** SHA-256 of its bytes, or the SHA-1 that Git names it by. */
  readonly kind: "sha256" | "git";
  /** In lower-case hexadecimal. */
  readonly hex: string;
}

/** What {@linkcode download} fetches. */
export interface DownloadRequest {
  readonly url: string;
  /** Where it goes; its folder must exist. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  readonly digest: Digest;
  /** Connections that may fail in a row without a new byte; default 5. */
  readonly attempts?: number;
  /** Milliseconds before the second attempt, doubled each time; default 500. */
  readonly wait?: number;
  /** Milliseconds after which a silent connection is given up; default 30,000. */
  readonly silence?: number;
  /** Called as bytes arrive. */
  onProgress?(done: number, total: number): void;
}

/**
 * Downloads a file, checks it, and only then gives it its name. What arrived of
 * it before stays beside it as `.part`, and later calls go on from there.
 *
 * @returns Whether anything was fetched; a file that is there already is only
 * checked.
 * @throws {RangeError} If the server fails again and again, sends another size,
 * or the bytes have another hash; a wrong file is removed.
 */
export async function download(request: DownloadRequest): Promise<boolean> {
  const { path, size, attempts = 5, wait = 500 } = request;
  if (await sizeOf(path) === size && await matches(path, request.digest)) {
    return false;
  }
  const part = `${path}.part`;
  let [failed, furthest] = [0, await sizeOf(part) ?? 0];
  while (true) {
    const before = await sizeOf(part) ?? 0;
    if (before === size) break;
    if (before > size) await Deno.remove(part);
    const trouble = await fetchRest(request, part, before > size ? 0 : before);
    if (!trouble) break;
    const reached = await sizeOf(part) ?? 0;
    // Bytes that were there before are no progress, or it might never end.
    failed = reached > furthest ? 1 : failed + 1;
    furthest = Math.max(furthest, reached);
    if (failed >= attempts) throw unreachable(request, trouble);
    await new Promise((done) => setTimeout(done, wait * 2 ** (failed - 1)));
  }
  if (!await matches(part, request.digest)) {
    await Deno.remove(part);
    throw hinted(
      new RangeError(
        `Cannot download ${request.url}: got bytes with another hash, wanted ` +
          `${request.digest.hex}`,
      ),
      "it was removed; try again",
    );
  }
  await Deno.rename(part, path);
  return true;
}

function unreachable({ url }: DownloadRequest, trouble: Error): Error {
  return hinted(
    new RangeError(
      `Cannot download ${url}: got ${trouble.message}, wanted the whole file`,
      { cause: trouble },
    ),
    "the same command goes on where it stopped",
  );
}

/**
 * Appends what is missing.
 *
 * @returns What went wrong, if trying again may help.
 * @throws {RangeError} If trying again will not.
 */
async function fetchRest(
  request: DownloadRequest,
  part: string,
  from: number,
): Promise<Error | undefined> {
  const { url, size } = request;
  const headers = from > 0 ? { range: `bytes=${from}-` } : undefined;
  const silence = new Silence(request.silence);
  try {
    const { signal } = silence;
    const response = await fetch(url, { headers, signal });
    const { status, body } = response;
    if (status >= 500 || status === 429 || !body) {
      await body?.cancel();
      return new TypeError(`status ${status}`);
    }
    const resumed = status === 206 &&
      response.headers.get("content-range") ===
        `bytes ${from}-${size - 1}/${size}`;
    if (!resumed && status !== 200) {
      await body.cancel();
      // A range that the server does not know is fetched from the start.
      if (from > 0) return await startAgain(part);
      throw new RangeError(
        `Cannot download ${url}: got status ${status}, wanted 200`,
      );
    }
    const start = resumed ? from : 0;
    const done = await append(request, part, {
      chunks: silence.watch(body),
      start,
    });
    return done === size
      ? undefined
      : new TypeError(`the end after ${done} of ${size} bytes`);
  } catch (error) {
    // Lost connections are TypeErrors of fetch.
    if (error instanceof TypeError) return error;
    if (silence.signal.aborted) return new TypeError("no more bytes");
    throw error;
  } finally {
    silence.end();
  }
}

/** Writes what arrives behind the bytes that are there; counts them all. */
async function append(
  { url, size, onProgress }: DownloadRequest,
  part: string,
  { chunks, start }: { chunks: AsyncIterable<Uint8Array>; start: number },
): Promise<number> {
  using file = await Deno.open(part, {
    create: true,
    write: true,
    append: start > 0,
    truncate: start === 0,
  });
  let done = start;
  for await (const chunk of chunks) {
    done += chunk.length;
    if (done > size) throw tooLong(url, size);
    await writeAll(file, chunk);
    onProgress?.(done, size);
  }
  await file.sync();
  return done;
}

/** Ends a connection that stays open without a byte. */
class Silence {
  readonly #abort = new AbortController();
  readonly #longest: number;
  #timer: ReturnType<typeof setTimeout>;

  constructor(longest = 30_000) {
    this.#longest = longest;
    this.#timer = setTimeout(() => this.#abort.abort(), longest);
  }

  /** For the connection. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Passes chunks on, each of which breaks the silence. */
  async *watch(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      clearTimeout(this.#timer);
      yield chunk;
      this.#timer = setTimeout(() => this.#abort.abort(), this.#longest);
    }
  }

  /** Stops waiting for it. */
  end(): void {
    clearTimeout(this.#timer);
  }
}

function tooLong(url: string, size: number): RangeError {
  return new RangeError(
    `Cannot download ${url}: got more than ${size} bytes, wanted as many as ` +
      "were announced",
  );
}

async function startAgain(part: string): Promise<Error> {
  await Deno.remove(part);
  return new TypeError("no range of the file");
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await file.write(bytes.subarray(done));
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function matches(path: string, digest: Digest): Promise<boolean> {
  const source = await fileSource(path);
  const hash = createHash(digest.kind === "git" ? "sha1" : "sha256");
  if (digest.kind === "git") hash.update(`blob ${source.size}\0`);
  const buffer = new Uint8Array(8 << 20);
  for (let at = 0; at < source.size; at += buffer.length) {
    const chunk = buffer.subarray(0, source.size - at);
    source.readInto(at, chunk);
    hash.update(chunk);
  }
  return hash.digest("hex") === digest.hex;
}
