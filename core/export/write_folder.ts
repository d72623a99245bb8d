import { hinted } from "../errors.ts";
import { unwritable } from "../weights/unwritable.ts";
import { refuseExisting, writeFile } from "../weights/write_file.ts";
import type { ExportedFiles } from "./exported_model.ts";

/**
 * Writes a new folder whole or not at all: the files go to a folder of a unique
 * name beside it, which is then renamed.
 *
 * @param check Looks at the files before the folder has its name; what it throws
 * leaves nothing behind.
 * @throws {RangeError} If the path exists, or its parent does not.
 */
export async function writeFolder(
  path: string,
  files: ExportedFiles,
  check?: (folder: string) => Promise<void>,
): Promise<void> {
  await refuseExisting(path);
  const folder = path.replace(/[/\\]+$/, "");
  const temporary = `${folder}.${crypto.randomUUID()}.tmp`;
  try {
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
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
    if (!(error instanceof Deno.errors.NotFound)) {
      throw unwritable(path, error);
    }
    throw hinted(
      new RangeError(`Cannot write ${path}: got a folder that does not exist`),
      "Make the folder above it first",
    );
  }
}
