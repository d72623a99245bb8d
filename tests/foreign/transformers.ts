/**
 * Classifies images by transformers.js from a local folder, its own
 * preprocessing included.
 *
 *     transformers.ts FOLDER IMAGES.u8 SIZE
 *
 * IMAGES.u8 holds RGB images of SIZE × SIZE end to end. Prints the logits of all
 * images and the labels as JSON.
 */

import {
  AutoModelForImageClassification,
  AutoProcessor,
  env,
  RawImage,
} from "@huggingface/transformers";

const [folder, file, size] = Deno.args;
const slash = folder.lastIndexOf("/");
env.allowRemoteModels = false;
env.localModelPath = folder.slice(0, slash + 1);
const name = folder.slice(slash + 1);
const model = await AutoModelForImageClassification.from_pretrained(name, {
  dtype: "fp32",
});
const processor = await AutoProcessor.from_pretrained(name, {});
const bytes = new Uint8ClampedArray((await Deno.readFile(file)).buffer);
const side = Number(size);
const logits: number[] = [];
for (let at = 0; at < bytes.length; at += side * side * 3) {
  const pixels = bytes.slice(at, at + side * side * 3);
  const inputs = await processor(new RawImage(pixels, side, side, 3));
  const output = await model(inputs);
  logits.push(...output.logits.data);
}
const { id2label } = model.config as unknown as { id2label: unknown };
const text = JSON.stringify({ logits, id2label });
Deno.stdout.writeSync(new TextEncoder().encode(text));
Deno.exit(0);
