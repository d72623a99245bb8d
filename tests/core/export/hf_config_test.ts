import assert from "node:assert/strict";
import { formats } from "../../../core/export/formats.ts";
import { hfPreprocessor } from "../../../core/export/hf_config.ts";
import { HALF } from "../../../core/models/preprocess.ts";
import { tinyBackbone } from "../../support/tiny.ts";

const { config, tensors } = tinyBackbone();
const classes = ["a", "b", "c"];

function fitted(fit: "stretch" | "pad" | "crop") {
  const resize = { filter: "bicubic", size: config.imageSize, fit } as const;
  const provenance = {};
  return { config, tensors, preprocess: HALF, classes, resize, provenance };
}

Deno.test("an hf export refuses images fitted by padding, which it cannot say", () => {
  assert.throws(() => formats.get("hf")!.encode(fitted("pad"), "F32"), {
    name: "RangeError",
    message: "Cannot write the preprocessing as hf: got images fitted by " +
      "pad, wanted stretch or crop",
    hint: "merge --format timm or onnx keeps the padding",
  });
  const timm = formats.get("timm")!.encode(fitted("pad"), "F32");
  const json = new TextDecoder().decode(timm.get("config.json"));
  assert.match(json, /"crop_mode": "border"/);
});

Deno.test("hfPreprocessor() stretches to a square, or crops from the short edge", () => {
  const { imageSize } = config;
  const square = { height: imageSize, width: imageSize };
  assert.deepEqual(hfPreprocessor(fitted("stretch")).size, square);
  const crop = hfPreprocessor(fitted("crop"));
  assert.deepEqual(crop.size, { ["shortest_edge"]: imageSize });
  assert.deepEqual(crop["crop_size"], square);
});
