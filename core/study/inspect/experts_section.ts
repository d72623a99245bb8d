import { z } from "zod";
import { type Html, html } from "../html.ts";
import { imageSection, type ShownImage } from "./image_section.ts";
import type { Inspection } from "./inspection.ts";
import { mapNote } from "./inspect_page.ts";
import { expertSummary } from "./summary_section.ts";

/** What a study keeps of the inspection of its best ALoRE run. */
export interface KeptInspection {
  readonly format: "alore-experts";
  readonly version: 1;
  /** The run's identity. */
  readonly run: string;
  /** What tells its setting from others, such as `alore experts 4 rank 2`. */
  readonly name: string;
  readonly classes: readonly string[];
  readonly images: readonly ShownImage[];
  readonly inspection: Inspection;
}

const kept = z.object({
  format: z.literal("alore-experts"),
  version: z.literal(1),
  run: z.string(),
  name: z.string(),
  classes: z.array(z.string()),
  images: z.array(z.object({
    pixels: z.string(),
    size: z.int().positive(),
    label: z.int().optional(),
    name: z.string(),
  })),
  inspection: z.looseObject({ grid: z.int().positive() }),
});

/** Writes an inspection as JSON, the pixels in Base64. */
export function keptText(inspection: KeptInspection): string {
  const images = inspection.images.map((image) => ({
    ...image,
    pixels: image.pixels.toBase64(),
  }));
  return JSON.stringify({ ...inspection, images }) + "\n";
}

/** Reads it again; nothing if it is no such text. */
export function parseKept(text: string): KeptInspection | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { success, data } = kept.safeParse(json);
  if (!success) return undefined;
  const images = data.images.map((image) => ({
    ...image,
    pixels: Uint8Array.fromBase64(image.pixels),
  }));
  return {
    ...data,
    images,
    inspection: data.inspection as unknown as Inspection,
  };
}

/** The section of a study's report about what the experts learn. */
export function expertsSection(
  { run, name, classes, images, inspection }: KeptInspection,
  command: string,
): Html {
  return html`
    <section id="experts">
      <h2>What the experts learn</h2>
      <p>Inside of ${name}, the run <a href="${`#run-${run}`}">${run}</a>.</p>
      ${expertSummary(inspection)}
      ${mapNote(inspection)}
      ${images.map((shown, i) =>
        imageSection({
          shown,
          found: inspection.images[i],
          adapters: inspection.adapters,
          classes,
          heads: false,
        }, 3)
      )}
      <p class="note">More images, and attention head by head:</p>
      <div class="command"><pre tabindex="0"><code>${command}</code></pre></div>
    </section>
  `;
}
