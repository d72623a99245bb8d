import { createHash } from "node:crypto";
import { type Content, Html, html } from "./html.ts";
import { PAGE_STYLE } from "./page_style.ts";

/** What a page is made of. */
export interface Page {
  /** Heads the page and names its tab. */
  readonly title: string;
  /** Stands under the title. */
  readonly subtitle: string;
  /** The sections. */
  readonly body: Content;
  /** Rules after those of every report. */
  readonly style?: string;
  /** Runs after that of every report. */
  readonly script?: string;
}

/** Adds a button to each command; without it a click selects the command. */
const COPY_SCRIPT = `
for (const box of document.querySelectorAll(".command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const code = box.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      const details = code.closest("details");
      if (details) details.open = true; // What is hidden is not copied.
      getSelection().selectAllChildren(code);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => button.textContent = "Copy", 2000);
  });
  box.append(button);
}
`;

/**
 * Wraps sections in a document with the reports' style.
 *
 * The document's policy lets it load nothing and run no script but its own.
 */
export function reportPage(page: Page): string {
  const { title, subtitle, body, style = "", script = "" } = page;
  const code = COPY_SCRIPT + script;
  const hash = createHash("sha256").update(code).digest("base64");
  const policy = "default-src 'none'; img-src data:; " +
    `style-src 'unsafe-inline'; script-src 'sha256-${hash}'`;
  const document = html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${policy}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${title}</title>
        <style>${new Html(PAGE_STYLE + style)}</style>
      </head>
      <body>
        <main>
    <header><h1>${title}</h1><p>${subtitle}</p></header>
    ${body}
        </main>
        <script>${new Html(code)}</script>
      </body>
    </html>
  `;
  return document.markup;
}
