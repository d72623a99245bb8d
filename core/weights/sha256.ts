import { createHash } from "node:crypto";
import type { ByteSource } from "./byte_source.ts";

/** Read at once while hashing. */
const CHUNK = 8 << 20;

/** SHA-256 of some bytes, in hexadecimal. */
export async function sha256(bytes: BufferSource): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return new Uint8Array(digest).toHex();
}

/**
 * SHA-256 of sources one after another, in hexadecimal; at most 8 MiB of them
 * are in memory at once.
 */
export function sha256Of(sources: readonly ByteSource[]): string {
  // The web's digest takes no stream, and Deno's is a third as fast.
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK);
  for (const source of sources) {
    for (let at = 0; at < source.size; at += CHUNK) {
      const chunk = buffer.subarray(0, Math.min(CHUNK, source.size - at));
      source.readInto(at, chunk);
      hash.update(chunk);
    }
  }
  return hash.digest("hex");
}
