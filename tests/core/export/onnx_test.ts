import assert from "node:assert/strict";
import protobuf from "protobufjs/light.js";
import type { ExportedModel } from "../../../core/export/exported_model.ts";
import { encodeOnnx } from "../../../core/export/onnx.ts";
import { HALF } from "../../../core/models/preprocess.ts";
import { openCpuEngine } from "../../../kernels/cpu/engine.ts";
import {
  architectureCases,
  randomImages,
  randomTensors,
} from "../../support/architectures.ts";
import { assertClose } from "../../support/assert_close.ts";
import { inFolder } from "../../support/folder.ts";
import { runForeign } from "../../support/foreign.ts";
import { logitsOf } from "../../support/logits.ts";
import { TOLERANCE } from "../../support/tolerance.ts";

const IMAGES = 3;

/** Fields of a protobuf message by number, unparsed. */
function fieldsOf(bytes: Uint8Array): Map<number, (Uint8Array | number)[]> {
  const fields = new Map<number, (Uint8Array | number)[]>();
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const kind = tag & 7;
    assert.ok(kind === 0 || kind === 2, `wire type ${kind}`);
    const value = kind === 0 ? Number(reader.uint64()) : reader.bytes();
    fields.set(tag >>> 3, [...fields.get(tag >>> 3) ?? [], value]);
  }
  return fields;
}

const inside = (value: Uint8Array | number) => fieldsOf(value as Uint8Array);
const text = (value: Uint8Array | number) =>
  new TextDecoder().decode(value as Uint8Array);

Deno.test("encodeOnnx() says opset, free batch, classes and preprocessing", () => {
  const config = architectureCases.get("ViT")!;
  const bytes = encodeOnnx({
    config,
    tensors: randomTensors(config),
    preprocess: { ...HALF, interpolation: "bilinear" },
    classes: ["a", "b", "c", "d", "e"],
    resize: { filter: "bilinear", fit: "crop", cropPct: 0.875 },
    provenance: { merged: "{}" },
  }, "F32");
  // Numbers of fields as in onnx.proto.
  const model = fieldsOf(bytes);
  const [opset] = model.get(8)!.map(inside);
  assert.ok(Number(opset.get(2)![0]) >= 17);
  const entries = model.get(14)!.map(inside)
    .map((entry) => [text(entry.get(1)![0]), text(entry.get(2)![0])]);
  assert.deepEqual(Object.fromEntries(entries), {
    merged: "{}",
    classes: '["a","b","c","d","e"]',
    ["image_size"]: "32",
    mean: "[0.5,0.5,0.5]",
    std: "[0.5,0.5,0.5]",
    ["rescale_factor"]: `${1 / 255}`,
    interpolation: "bilinear",
    fit: "crop",
    ["crop_pct"]: "0.875",
  });
  const graph = inside(model.get(7)![0]);
  for (const [port, name] of [[11, "pixel_values"], [12, "logits"]] as const) {
    const info = inside(graph.get(port)![0]);
    assert.equal(text(info.get(1)![0]), name);
    const tensor = inside(inside(info.get(2)![0]).get(1)![0]);
    const [batch] = inside(tensor.get(2)![0]).get(1)!.map(inside);
    assert.equal(text(batch.get(2)![0]), "batch");
  }
});

for (const [name, config] of architectureCases) {
  Deno.test(`onnxruntime gives the logits of an ONNX export: ${name}`, () =>
    inFolder(async (folder) => {
      const tensors = randomTensors(config);
      const images = randomImages(config, IMAGES);
      const engine = await openCpuEngine({ threads: 1, blas: "off" });
      const wanted = await logitsOf(engine, { config, tensors }, images);
      engine.close();
      const model: ExportedModel = {
        config,
        tensors,
        preprocess: HALF,
        classes: ["a", "b", "c", "d", "e"],
        provenance: {},
      };
      await Deno.writeFile(`${folder}/model.onnx`, encodeOnnx(model, "F32"));
      const bytes = new Uint8Array(images.buffer);
      await Deno.writeFile(`${folder}/images.f32`, bytes);
      const { together, alone } = await runForeign(
        "onnxruntime.ts",
        `${folder}/model.onnx`,
        `${folder}/images.f32`,
        `${config.channels}`,
        `${config.imageSize}`,
      ) as { together: number[]; alone: number[] };
      assert.ok(Math.max(...wanted.map(Math.abs)) > 0.1);
      assertClose(together, wanted, TOLERANCE.foreign, "logits");
      assertClose(alone, wanted, TOLERANCE.foreign, "logits of one image");
    }));
}
