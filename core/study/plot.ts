import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { Html } from "./html.ts";

/** The little of the DOM that is used of what Plot draws. */
interface DrawnElement {
  readonly attributes: Iterable<{ name: string; value: string }>;
  readonly outerHTML: string;
  querySelectorAll(selector: string): Iterable<DrawnElement>;
  setAttribute(name: string, value: string): void;
  remove(): void;
}

const GEOMETRY = /^(?:d|transform|width|height|[xyr][12]?|c[xy])$/;

/**
 * Draws a chart as inline SVG, without a browser.
 *
 * The page's style sheet gives the colours (by variables) and the size on the
 * page; the chart is never wider than drawn, nor narrower than 0.62 of that, so that
 * most fit a telephone.
 *
 * @param options What Plot draws.
 * @param label Says in words what the picture shows.
 */
export function drawPlot(
  options: Plot.PlotOptions & { width: number },
  label: string,
): Html {
  const { document } = parseHTML("<html></html>") as unknown as {
    document: never;
  };
  const svg = Plot.plot({
    ...options,
    className: "plot",
    document,
  }) as unknown as DrawnElement;
  // The page's own style sheet says it all.
  for (const style of svg.querySelectorAll("style")) style.remove();
  for (const element of svg.querySelectorAll("*")) roundNumbers(element);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const { width } = options;
  svg.setAttribute(
    "style",
    `width:100%;max-width:${width}px;min-width:${Math.round(width * 0.62)}px`,
  );
  return new Html(svg.outerHTML);
}

/** A hundredth of a pixel is enough, and halves the page. */
function roundNumbers(element: DrawnElement): void {
  for (const { name, value } of [...element.attributes]) {
    if (!GEOMETRY.test(name)) continue;
    const rounded = value.replace(
      /\d+\.\d{3,}(?!\d*e)/g,
      (number) => `${Number(Number(number).toFixed(2))}`,
    );
    if (rounded !== value) element.setAttribute(name, rounded);
  }
}
