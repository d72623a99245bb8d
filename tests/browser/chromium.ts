/** Where Chromium is, by the usual paths of distributions. */
const PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** WebGPU on SwiftShader, which Chromium brings along. */
export const FLAGS: readonly string[] = [
  // Containers have no user namespaces; the page is our own.
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
];

/**
 * Finds a Chromium, or takes the one in the variable CHROMIUM.
 *
 * @throws {Deno.errors.NotFound} If there is none; says what to install.
 */
export function findChromium(): string {
  const named = Deno.env.get("CHROMIUM");
  for (const path of named ? [named] : PATHS) {
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Deno.errors.NotFound(
    `Cannot test in a browser: got no Chromium at ${
      named ?? PATHS.join(", ")
    }` +
      `, wanted one; on Debian or Ubuntu: apt install chromium; elsewhere set ` +
      `CHROMIUM to its path`,
  );
}
