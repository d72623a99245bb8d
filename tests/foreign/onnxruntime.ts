/**
 * Runs an ONNX file by onnxruntime, apart from the project's own code.
 *
 *     onnxruntime.ts MODEL.onnx IMAGES.f32 CHANNELS SIZE
 *
 * Prints the logits of all images in one batch, and in batches of one, as JSON.
 */

import ort from "onnxruntime-node";

const [model, file, channels, size] = Deno.args;
const { buffer } = await Deno.readFile(file);
const images = new Float32Array(buffer);
const [depth, side] = [Number(channels), Number(size)];
const numbers = depth * side * side;
const session = await ort.InferenceSession.create(model);

async function run(pixels: Float32Array): Promise<number[]> {
  const shape = [pixels.length / numbers, depth, side, side];
  const { logits } = await session.run({
    ["pixel_values"]: new ort.Tensor("float32", pixels, shape),
  });
  return Array.from(logits.data as Float32Array);
}

const together = await run(images);
const alone: number[] = [];
for (let at = 0; at < images.length; at += numbers) {
  alone.push(...await run(images.slice(at, at + numbers)));
}
const text = JSON.stringify({ together, alone });
Deno.stdout.writeSync(new TextEncoder().encode(text));
Deno.exit(0);
