/**
 * Pretrained backbones on the Hugging Face hub.
 *
 * Sizes and hashes are the hub's own: for a large file it announces the SHA-256,
 * for a small one the name that Git has for it.
 *
 * @module
 */

import { hinted } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { Digest } from "../weights/download.ts";

/** Milliseconds within which the hub must answer. */
const PATIENCE = 30_000;

/** Where the hub is. */
export const HUB = "https://huggingface.co";

/** Where a backbone is on the hub. */
export interface HubPlace {
  /** As `OWNER/NAME`. */
  readonly repository: string;
  /** Branch, tag or commit; left out, `main`. */
  readonly revision?: string;
}

/** Repositories by the names of backbones. */
export const hubBackbones: ReadonlyMap<string, string> = new Map([
  ["vit-ti16", "timm/vit_tiny_patch16_224.augreg_in21k"],
  ["vit-s16", "timm/vit_small_patch16_224.augreg_in21k"],
  ["vit-s32", "timm/vit_small_patch32_224.augreg_in21k"],
  ["vit-b8", "timm/vit_base_patch8_224.augreg_in21k"],
  ["vit-b16", "timm/vit_base_patch16_224.augreg_in21k"],
  ["vit-b32", "timm/vit_base_patch32_224.augreg_in21k"],
  ["vit-l16", "timm/vit_large_patch16_224.augreg_in21k"],
  ["vit-l32", "timm/vit_large_patch32_224.orig_in21k"],
  ["vit-h14", "timm/vit_huge_patch14_224.orig_in21k"],
  ["mae-b16", "timm/vit_base_patch16_224.mae"],
  ["mae-l16", "timm/vit_large_patch16_224.mae"],
  ["dinov2-s14", "timm/vit_small_patch14_dinov2.lvd142m"],
  ["dinov2-b14", "timm/vit_base_patch14_dinov2.lvd142m"],
  ["dinov2-l14", "timm/vit_large_patch14_dinov2.lvd142m"],
  ["dinov2-s14-reg4", "timm/vit_small_patch14_reg4_dinov2.lvd142m"],
  ["dinov2-b14-reg4", "timm/vit_base_patch14_reg4_dinov2.lvd142m"],
  ["dinov2-l14-reg4", "timm/vit_large_patch14_reg4_dinov2.lvd142m"],
  ["clip-b32", "openai/clip-vit-base-patch32"],
  ["clip-l14", "openai/clip-vit-large-patch14"],
]);

/** Revisions of repositories whose `main` has the weights as a pickle alone. */
const REVISIONS: ReadonlyMap<string, string> = new Map([
  ["openai/clip-vit-base-patch32", "refs/pr/15"],
]);

/**
 * Where a backbone is.
 *
 * @param name One of {@linkcode hubBackbones}, or a repository as `OWNER/NAME`.
 * @throws {RangeError} If it is neither; the hint has the nearest.
 */
export function placeOf(name: string): HubPlace {
  const isPath = /^[\w.-]+\/[\w.-]+$/.test(name) && !name.includes("..");
  const repository = hubBackbones.get(name) ?? (isPath ? name : undefined);
  if (repository !== undefined) {
    return { repository, revision: REVISIONS.get(repository) };
  }
  const names = [...hubBackbones.keys()];
  throw hinted(
    new RangeError(
      `Cannot pull the backbone: got "${name}", wanted OWNER/NAME or one of ` +
        names.join(", "),
    ),
    `did you mean ${nearest(name, names)}?`,
  );
}

/** The folder that a backbone is pulled into unless another is named. */
export function pulledFolder(name: string): string {
  return `backbones/${name.replace("/", "--")}`;
}

/** A file of a repository. */
export interface HubFile {
  readonly name: string;
  readonly url: string;
  /** In bytes. */
  readonly size: number;
  readonly digest: Digest;
}

/** The files that a backbone is made of; the first is needed. */
const FILES = ["model.safetensors", "config.json", "preprocessor_config.json"];

/**
 * Asks the hub for the files of a backbone, without fetching them.
 *
 * @param repository As `OWNER/NAME`.
 * @throws {RangeError} If there are no weights, or the hub does not say what
 * they must be.
 */
export async function hubFiles(
  repository: string,
  { hub = HUB, revision = "main" }: { hub?: string; revision?: string } = {},
): Promise<HubFile[]> {
  const found: HubFile[] = [];
  for (const name of FILES) {
    const path = `${repository}/resolve/${encodeURIComponent(revision)}`;
    const file = await announced(`${hub}/${path}/${name}`, name);
    if (file) found.push(file);
    else if (name === FILES[0]) {
      throw hinted(
        new RangeError(
          `Cannot pull ${repository}: got no ${name} there, wanted one in ` +
            `revision ${revision} of a public repository`,
        ),
        "--revision takes another branch, tag or commit of it",
      );
    }
  }
  return found;
}

async function announced(
  url: string,
  name: string,
): Promise<HubFile | undefined> {
  const response = await ask(url);
  const { status, headers } = response;
  await response.body?.cancel();
  if (status === 404 || status === 401) return undefined;
  const size = Number(
    headers.get("x-linked-size") ?? headers.get("content-length"),
  );
  const tag = headers.get("x-linked-etag") ?? headers.get("etag") ?? "";
  const [, hex] = /^(?:W\/)?"([0-9a-f]{40}|[0-9a-f]{64})"$/.exec(tag) ?? [];
  if (status >= 400 || !Number.isSafeInteger(size) || size < 1 || !hex) {
    throw new RangeError(
      `Cannot pull ${url}: got status ${status} and the tag ${
        tag || "none"
      }, ` +
        "wanted a size and a hash",
    );
  }
  const kind = hex.length === 64 ? "sha256" : "git";
  return { name, url, size, digest: { kind, hex } };
}

async function ask(url: string): Promise<Response> {
  try {
    // Followed, it would ask the storage, which knows no hash.
    return await fetch(url, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch (cause) {
    const isLate = cause instanceof DOMException;
    if (!(cause instanceof TypeError || isLate)) throw cause;
    throw hinted(
      new RangeError(
        `Cannot pull ${url}: got no connection (${cause.message}), wanted one`,
        { cause },
      ),
      "--hub takes the address of a mirror",
    );
  }
}
