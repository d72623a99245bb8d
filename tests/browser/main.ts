/**
 * `deno task test:browser`: compiles and runs every kernel with the WGSL
 * compiler of Chromium, and the golden cases in a page.
 *
 * @module
 */

import type { Browser } from "playwright-core";
import { goldenCases } from "../golden/mod.ts";
import { findChromium, FLAGS } from "./chromium.ts";
import type { Suites } from "./page.ts";
import { loadPlaywright } from "./playwright.ts";
import type { Line } from "./report.ts";

const PAGE = new URL("page.ts", import.meta.url);
const GOLDEN = new URL("../fixtures/golden/", import.meta.url);

const encoder = new TextEncoder();

function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

/** The page's script, for a browser. */
async function bundle(): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--platform", "browser", PAGE.pathname],
  }).output();
  const text = new TextDecoder();
  if (code === 0) return text.decode(stdout);
  throw new SyntaxError(`Cannot bundle the page: ${text.decode(stderr)}`);
}

/** Serves the page, its script and the golden cases. */
function serve(script: string): Deno.HttpServer<Deno.NetAddr> {
  const page = '<!doctype html><meta charset="utf-8"><title>alore</title>' +
    '<script type="module" src="page.js"></script>';
  const answer = (body: BodyInit, type: string) =>
    new Response(body, { headers: { "content-type": type } });
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  return Deno.serve(options, async ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/") return answer(page, "text/html");
    if (pathname === "/page.js") return answer(script, "text/javascript");
    const name = /^\/golden\/([\w-]+\.safetensors)$/.exec(pathname)?.[1];
    if (!name) return new Response(undefined, { status: 404 });
    const bytes = await Deno.readFile(new URL(name, GOLDEN));
    return answer(bytes, "application/octet-stream");
  });
}

async function runPage(
  browser: Browser,
  address: string,
  report: (line: Line) => void,
): Promise<string> {
  const page = await browser.newPage();
  page.on("pageerror", ({ message }) => print(`page: ${message}`));
  await page.exposeFunction("report", report);
  await page.goto(address);
  const cases = goldenCases().filter(({ known }) => known)
    .map(({ name }) => name);
  return await page.evaluate(async (cases) => {
    const { suites, report } = globalThis as unknown as {
      suites: Suites;
      report: (line: Line) => Promise<void>;
    };
    return await suites.run(cases, report);
  }, cases);
}

async function main(): Promise<number> {
  const executablePath = findChromium();
  const chromium = await loadPlaywright();
  const script = await bundle();
  const server = serve(script);
  const browser = await chromium.launch({ executablePath, args: [...FLAGS] });
  let [passed, failed] = [0, 0];
  try {
    const address = `http://127.0.0.1:${server.addr.port}/`;
    const adapter = await runPage(browser, address, (line) => {
      if (line.passed) passed++;
      else failed++;
      const verdict = line.passed ? "passed" : "failed";
      print(`${verdict}  ${line.name}: ${line.detail}`);
    });
    print(`\nChromium ${browser.version()}, ${adapter}`);
  } finally {
    await browser.close();
    await server.shutdown();
  }
  print(`${passed} passed, ${failed} failed`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
