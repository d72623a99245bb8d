import assert from "node:assert/strict";
import { formats } from "../../../core/export/formats.ts";
import { hfConfig, hfPreprocessor } from "../../../core/export/hf_config.ts";
import { HALF } from "../../../core/models/preprocess.ts";
import { architectureCases } from "../../support/architectures.ts";
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

Deno.test("every export resizes as the data were, or as the backbone learned", () => {
  const words = (resize: string) => {
    const model = {
      ...fitted("stretch"),
      preprocess: { ...HALF, interpolation: "bilinear" } as const,
      resize: { ...fitted("stretch").resize, filter: resize },
    };
    const json = (format: string, file: string) =>
      JSON.parse(
        new TextDecoder().decode(
          formats.get(format)!.encode(model, "F32").get(file),
        ),
      );
    return [
      json("timm", "config.json")["pretrained_cfg"].interpolation,
      json("hf", "preprocessor_config.json").resample,
    ];
  };
  assert.deepEqual(words("bicubic"), ["bicubic", 3]);
  assert.deepEqual(words("nearest"), ["nearest", 0]);
  // What was drawn at its size was resized by no filter.
  assert.deepEqual(words("none"), ["bilinear", 2]);
});

Deno.test("hfConfig() refuses what transformers would compute otherwise", () => {
  const refuse = (name: string, change: object, message: RegExp) => {
    const config = { ...architectureCases.get(name)!, ...change };
    const model = { ...fitted("stretch"), config };
    assert.throws(() => hfConfig(model, "F32"), {
      name: "RangeError",
      message,
      hint: "--format timm and onnx have every architecture",
    });
  };
  refuse("ViT with registers", {}, /got register tokens, wanted a plain/);
  refuse(
    "Swin with a map below a window",
    {},
    /got maps of 8, 4, 2 for windows of 4, wanted multiples of it$/,
  );
  refuse("Swin with filled up windows", {}, /got maps of 9, 4\.5 for windows/);
  refuse("Swin", { eps: 1e-6 }, /eps 0\.000001, wanted 0\.00001$/);
  refuse("ConvNeXt", { eps: 1e-5 }, /eps 0\.00001, wanted 0\.000001$/);
});
