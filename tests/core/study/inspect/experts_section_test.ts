import assert from "node:assert/strict";
import {
  expertsSection,
  type KeptInspection,
  keptText,
  parseKept,
} from "../../../../core/study/inspect/experts_section.ts";
import { inspectModel } from "../../../../core/study/inspect/inspection.ts";
import { mapUrl } from "../../../../core/study/inspect/picture.ts";
import { openReferenceEngine } from "../../../support/reference_engine.ts";
import { tinyBackbone, tinyDataset, tinyModel } from "../../../support/tiny.ts";

async function kept(experts: number): Promise<KeptInspection> {
  using model = tinyModel(openReferenceEngine(), "alore", { experts, rank: 1 });
  const { splits, imageSize, classes } = tinyDataset();
  const test = splits.get("test")!;
  const split = { ...test, count: 2, labels: test.labels.slice(0, 2) };
  // A fresh U is zero: nothing is added, and cosines do not exist.
  for (const [name, values] of await model.read()) {
    if (name.endsWith(".up")) model.write(name, values.map((_, i) => i - 3.5));
  }
  const pixels = imageSize ** 2 * 3;
  return {
    format: "alore-experts",
    version: 1,
    run: "abc123",
    name: `alore experts ${experts}`,
    classes,
    images: [0, 1].map((i) => ({
      pixels: test.images.slice(i * pixels, (i + 1) * pixels),
      size: imageSize,
      label: test.labels[i],
      name: `image ${i}`,
    })),
    inspection: await inspectModel(model, split, tinyBackbone().preprocess),
  };
}

Deno.test("parseKept() reads what keptText() writes, and nothing else", async () => {
  const found = await kept(2);
  assert.deepEqual(parseKept(keptText(found)), found);
  assert.equal(parseKept("{"), undefined);
  assert.equal(parseKept(JSON.stringify({ ...found, version: 2 })), undefined);
});

Deno.test("expertsSection() says how alike experts are, and what that means", async () => {
  const { markup } = expertsSection(await kept(2), "deno task alore inspect");
  assert.match(markup, /On 2 images the maps of two experts/);
  assert.match(markup, /The paper says that experts attend to complementary/);
  assert.match(markup, /href="#run-abc123"/);
  const alone = expertsSection(await kept(1), "deno task alore inspect").markup;
  assert.match(alone, /There is one expert: it has nothing to differ from/);
  assert.doesNotMatch(alone, /complementary/);
});

Deno.test("mapUrl() is brightest where the map is, and small", () => {
  const image = { pixels: new Uint8Array(200 * 200 * 3).fill(128), size: 200 };
  const url = mapUrl(image, [0, 0, 0, 1], 1);
  assert.match(url, /^data:image\/png;base64,/);
  assert.ok(url.length < 2000);
  assert.notEqual(url, mapUrl(image, [1, 0, 0, 0], 1));
  assert.equal(mapUrl(image, [0, 0, 0, 0], 0), mapUrl(image, [0, 0, 0, 0], 1));
});
