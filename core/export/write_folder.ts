import { hinted } from "../errors.ts";
import { takeTemporary } from "../weights/temporary.ts";
import { unwritable } from "../weights/unwritable.ts";
import { refuseExisting, writeFile } from "../weights/write_file.ts";

/**
 * Writes a new folder whole or not at all: the files go to a folder of a unique
 * name beside it, which is then renamed. What a killed writer of the same path
 * left there is removed.
 *
 * @param files By their path inside it; each is asked for when it is written.
 * @param check Looks at the files before the folder has its name; what it throws
 * leaves nothing behind.
 * @throws {RangeError} If the path exists, or its parent does not.
 */
export async function writeFolder(
  path: string,
  files: Iterable<readonly [string, Uint8Array<ArrayBuffer>]>,
  check?: (folder: string) => Promise<void>,
): Promise<void> {
  await refuseExisting(path);
  const folder = path.replace(/[/\\]+$/, "");
  try {
    await using taken = await takeTemporary(folder);
    const temporary = taken.path;
    await Deno.mkdir(temporary);
    for (const [name, bytes] of files) {
      const slash = name.lastIndexOf("/");
      if (slash > 0) {
        await Deno.mkdir(`${temporary}/${name.slice(0, slash)}`, {
          recursive: true,
        });
      }
      await writeFile(`${temporary}/${name}`, bytes);
    }
    await check?.(temporary);
    await refuseExisting(path);
    await Deno.rename(temporary, folder);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw unwritable(path, error);
    }
    throw hinted(
      new RangeError(`Cannot write ${path}: got a folder that does not exist`),
      "Make the folder above it first",
    );
  }
}
