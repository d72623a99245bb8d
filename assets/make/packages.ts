/**
 * Gets source files out of npm packages: `npm ci` of a committed lock file into
 * a working folder, so that every package is checked against its sha512.
 *
 * The packages are no imports of the toolkit, so whoever only runs it does not
 * download them.
 */

/** Where the packages are unpacked, under the folder the task runs in. */
const WORK = ".sources";

/**
 * Installs the packages locked in `packages/<name>` and returns the path of
 * their `node_modules`; nothing is done if they are there already.
 *
 * @throws {RangeError} If npm fails.
 */
export async function installPackages(
  name: "digits" | "corpus" | "drawings",
): Promise<string> {
  const locked = new URL(`./packages/${name}/`, import.meta.url);
  const work = `${WORK}/${name}`;
  const modules = `${work}/node_modules`;
  const lock = await Deno.readTextFile(new URL("package-lock.json", locked));
  // Written last, so that it tells of a whole installation.
  const stamp = `${work}/installed.json`;
  if (await readIfThere(stamp) === lock) return modules;
  await Deno.mkdir(work, { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) {
    await Deno.copyFile(new URL(file, locked), `${work}/${file}`);
  }
  const { code } = await new Deno.Command("npm", {
    args: ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
    cwd: work,
    stdout: "null",
    stderr: "inherit",
  }).output();
  if (code !== 0) {
    throw new RangeError(
      `Cannot install the packages of ${name}: got exit code ${code} ` +
        "from npm ci, wanted 0",
    );
  }
  await Deno.writeTextFile(stamp, lock);
  return modules;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
