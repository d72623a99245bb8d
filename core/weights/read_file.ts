/**
 * Reads a whole file.
 *
 * @throws {RangeError} If there is no file.
 */
export async function readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const { isFile } = await statSource(path);
  if (isFile) return await Deno.readFile(path);
  throw new RangeError(`Cannot read ${path}: got a folder, wanted a file`);
}

/**
 * Looks at a file or folder.
 *
 * @throws {RangeError} If there is none.
 */
export async function statSource(path: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new RangeError(
      `Cannot read ${path}: got nothing there, wanted a file or folder`,
      { cause },
    );
  }
}
