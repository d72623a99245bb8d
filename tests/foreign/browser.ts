/**
 * Opens a page in headless Chromium, does the steps that it is given, and
 * prints what came of them as JSON; see `tests/support/browser.ts`.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { chromium, type Page } from "playwright-core";
import type { Step, Visit } from "../support/browser.ts";

const [executablePath, path, text] = Deno.args;
const visits: Step[][] = JSON.parse(text);
const address = pathToFileURL(path).href;
/** Milliseconds; a machine that tests much else is slow. */
const PATIENCE = 300_000;

// The driver makes a fresh profile each time.
const browser = await chromium.launch({
  executablePath,
  timeout: PATIENCE,
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
  ],
});
const found: Visit[] = [];
for (const steps of visits) found.push(await visit(steps));
await browser.close();
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(found)));

async function visit(steps: readonly Step[]): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    permissions: ["clipboard-read", "clipboard-write"],
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      complaints.push(message.text());
    }
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    const [plain] = url.split("#");
    if (plain !== address && !url.startsWith("data:")) requests.push(url);
  });
  await page.goto(address);
  const answers: unknown[] = [];
  for (const step of steps) answers.push(await answer(page, step) ?? null);
  await context.close();
  return { answers, complaints, requests };
}

async function answer(page: Page, step: Step): Promise<unknown> {
  switch (step.do) {
    case "click":
      return await page.click(step.selector);
    case "press":
      return await page.keyboard.press(step.key);
    case "size":
      return await page.setViewportSize(step);
    case "emulate":
      return await page.emulateMedia(step);
    case "evaluate":
      return await page.evaluate(step.expression);
    case "clipboard":
      return await page.evaluate("navigator.clipboard.readText()");
    case "screenshot":
      await page.screenshot({ path: step.path, fullPage: true });
      return null;
    case "tab":
      return await focused(page, step.times);
    case "download": {
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        page.click(step.selector),
      ]);
      const name = file.suggestedFilename();
      return { name, text: await readFile(await file.path(), "utf8") };
    }
  }
}

/** What Tab goes through, and whether each shows that it has the focus. */
async function focused(page: Page, times: number): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let i = 0; i < times; i++) {
    await page.keyboard.press("Tab");
    found.push(
      await page.evaluate(`(() => {
        const element = document.activeElement;
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        return {
          tag: element.localName,
          name: element.getAttribute("aria-label") ??
            element.labels?.[0]?.textContent.trim() ??
            element.textContent.trim(),
          outlined: outlineStyle !== "none" && outlineWidth !== "0px",
        };
      })()`),
    );
  }
  return found;
}
