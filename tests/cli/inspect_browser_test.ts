/**
 * The page of `alore inspect` in a browser, in both colour schemes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { alore } from "../support/alore.ts";
import { hasChromium, type Step, visit } from "../support/browser.ts";
import { inFolder } from "../support/folder.ts";
import { SMALL_TRAIN, writeSmallFiles } from "../support/small_run.ts";

/** Pictures that are loaded, those that are seen, and foldings that are open. */
const LOOK: Step = {
  do: "evaluate",
  expression: `(() => {
    const all = [...document.images];
    const loaded = all.filter((i) => i.complete && i.naturalWidth > 0);
    const seen = loaded.filter((i) => i.checkVisibility());
    const open = document.querySelectorAll("details[open]").length;
    return [all.length, loaded.length, seen.length, open];
  })()`,
};

/** Relative luminance of what is behind the text, and of the text; WCAG 2.2. */
const INK: Step = {
  do: "evaluate",
  expression: `(() => {
    const context = document.createElement("canvas")
      .getContext("2d", { willReadFrequently: true });
    const luminance = (color) => {
      context.fillStyle = color;
      context.fillRect(0, 0, 1, 1);
      const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data]
        .map((v) => v / 255)
        .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = luminance(getComputedStyle(document.body).backgroundColor);
    const texts = ["h1", ".note", "table.grid .none", "summary"]
      .map((selector) => document.querySelector(selector))
      .map((element) => luminance(getComputedStyle(element).color));
    return [behind, ...texts];
  })()`,
};

/** How far the page can be scrolled sideways, in pixels. */
const SIDEWAYS: Step = {
  do: "evaluate",
  expression: "document.documentElement.scrollWidth - innerWidth",
};

/** Opens every folding with the mouse. */
const FOLDINGS = 2 + 1;
const clicks = Array.from({ length: FOLDINGS }, (): Step => ({
  do: "click",
  selector: "details:not([open]) > summary",
}));

function steps(colorScheme: "light" | "dark", folder: string): Step[] {
  return [
    { do: "emulate", colorScheme },
    LOOK,
    ...clicks,
    LOOK,
    INK,
    { do: "size", width: 360, height: 800 },
    SIDEWAYS,
    { do: "size", width: 1280, height: 900 },
    { do: "screenshot", path: `${folder}/${colorScheme}.png` },
  ];
}

Deno.test({
  name: "the page of inspect has its pictures in light and dark [chromium]",
  ignore: !hasChromium,
  fn: () =>
    inFolder(async (folder) => {
      await writeSmallFiles(folder);
      const run = [
        [...SMALL_TRAIN, "--method=alore", "--out=run"],
        ["inspect", "--run=run", "--device=cpu", "--threads=1"],
      ];
      run[1].push("--count=2", "--heads");
      for (const words of run) {
        const done = await alore(folder, ...words);
        assert.equal(done.code, 0, done.stderr);
      }
      const schemes = ["light", "dark"] as const;
      const kept = Deno.env.get("ALORE_KEEP_SCREENSHOTS") ?? folder;
      const visits = await visit(
        `${folder}/run/inspect.html`,
        schemes.map((scheme) => steps(scheme, kept)),
      );
      // Of two images: themselves, attention of two blocks and its 3 heads, and
      // 4 experts of three adapters that see patches.
      const all = 2 * (1 + 2 + 6 + 12);
      const heads = 2 * 6;
      const grounds = visits.map(({ answers, complaints, requests }) => {
        assert.deepEqual([complaints, requests], [[], []]);
        const told = answers.filter((answer) => answer !== null);
        const [before, after, ink, sideways] = told as [
          number[],
          number[],
          number[],
          number,
        ];
        assert.deepEqual(before, [all, all, all - heads, 0]);
        assert.deepEqual(after, [all, all, all, FOLDINGS]);
        const [ground, ...texts] = ink;
        for (const text of texts) {
          const [low, high] = [ground, text].sort((a, b) => a - b);
          const contrast = (high + 0.05) / (low + 0.05);
          assert.ok(contrast >= 4.5, `contrast of ${contrast}`);
        }
        assert.equal(sideways, 0);
        return ground;
      });
      assert.ok(grounds[0] > 0.8 && grounds[1] < 0.2, `${grounds}`);
      for (const scheme of schemes) {
        assert.ok((await Deno.stat(`${kept}/${scheme}.png`)).size > 0);
      }
    }),
});
