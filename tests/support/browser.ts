/**
 * Pages in headless Chromium, driven by a program of its own: it needs
 * permissions that the tests do not have.
 *
 * @module
 */

const PROGRAM = new URL("../foreign/browser.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.dev.json", import.meta.url).pathname;

/** Debian's, or what `ALORE_CHROMIUM` names. */
const chromium: string | undefined = [
  Deno.env.get("ALORE_CHROMIUM"),
  "/usr/bin/chromium",
].find((path) => path !== undefined && exists(path));

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Whether pages can be opened. */
export const hasChromium: boolean = chromium !== undefined;

if (!hasChromium && Deno.env.get("ALORE_REQUIRE_CHROMIUM") === "1") {
  throw new TypeError(
    "Cannot test: got no Chromium, wanted /usr/bin/chromium " +
      "(ALORE_REQUIRE_CHROMIUM=1)",
  );
}

/** One thing that is done with a page, in order. */
export type Step =
  | { readonly do: "click"; readonly selector: string }
  /** Presses Tab and answers with what has the focus, that many times. */
  | { readonly do: "tab"; readonly times: number }
  | { readonly do: "press"; readonly key: string }
  | { readonly do: "size"; readonly width: number; readonly height: number }
  | {
    readonly do: "emulate";
    readonly colorScheme?: "light" | "dark";
    readonly media?: "screen" | "print";
  }
  /** Answers with the value of an expression in the page. */
  | { readonly do: "evaluate"; readonly expression: string }
  /** Clicks a link and answers with the name and text of the file. */
  | { readonly do: "download"; readonly selector: string }
  | { readonly do: "clipboard" }
  | { readonly do: "screenshot"; readonly path: string };

/** What came of it. */
export interface Visit {
  /** One per step; null where a step answers nothing. */
  readonly answers: readonly unknown[];
  /** Errors and warnings of the console, and exceptions. */
  readonly complaints: readonly string[];
  /** Addresses that the page asked for, itself left out. */
  readonly requests: readonly string[];
}

/**
 * Opens a page from disk several times, in one browser, and does some steps with
 * it each time.
 */
export async function visit(
  path: string,
  visits: readonly (readonly Step[])[],
): Promise<Visit[]> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      `--config=${CONFIG}`,
      "--no-prompt",
      // The driver looks into /proc, which takes no less.
      "--allow-all",
      PROGRAM,
      chromium ?? "",
      path,
      JSON.stringify(visits),
    ],
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await command.output();
  const [text, errors] = [stdout, stderr]
    .map((bytes) => new TextDecoder().decode(bytes));
  if (success) return JSON.parse(text);
  throw new TypeError(`Cannot visit ${path}: ${errors}`);
}
