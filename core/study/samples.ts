import { formatPlural, formatShare } from "./format.ts";
import { type Html, html } from "./html.ts";
import { encodePng } from "../data/encode_png.ts";
import type { ReportedSample } from "./reported.ts";

/** Test images, each with what the run says of it. */
export function samplesSection(
  samples: readonly ReportedSample[],
  classes: readonly string[],
): Html {
  const wrong = samples.filter((s) => s.label !== s.prediction).length;
  const mistaken = wrong === 0 ? "none" : `${wrong}`;
  const key = wrong === 0
    ? ""
    : "; a mistake is marked ✗ and ends in “not” and the true class";
  return html`
    <section>
      <h2>Test images</h2>
      <p>
        ${formatPlural(samples.length, "image")}, ${mistaken} mistaken. Each
        has the class that the run says, and how probable the run thinks it
        is${key}.
      </p>
      <ul class="samples">${samples.map((s) => figure(s, classes))}</ul>
    </section>
  `;
}

function figure(sample: ReportedSample, classes: readonly string[]): Html {
  const said = classes[sample.prediction] ?? `class ${sample.prediction}`;
  const truth = classes[sample.label] ?? `class ${sample.label}`;
  const right = sample.label === sample.prediction;
  const png = encodePng({
    width: sample.size,
    height: sample.size,
    data: sample.pixels,
  });
  const alt = `A test image of ${truth}`;
  const mark = html`<span aria-hidden="true">${right ? "✓" : "✗"}</span>`;
  return html`
    <li class="${right ? "right" : "wrong"}">
      <figure>
        <img src="data:image/png;base64,${png.toBase64()}" width="${sample
          .size}"
          height="${sample.size}" alt="${alt}">
        <figcaption>
          <b>${mark} <bdi>${said}</bdi></b>
          ${!right && html`not <bdi>${truth}</bdi>`}
          <span class="probability">${formatShare(sample.probability)} %</span>
        </figcaption>
      </figure>
    </li>
  `;
}
