/**
 * Runs an ONNX file by onnxruntime, apart from the project's own code.
 *
 *     onnxruntime.ts MODEL.onnx IMAGES.f32 CHANNELS SIZE
 *
 * Prints the logits of all images as a JSON array.
 */

import ort from "onnxruntime-node";

const [model, file, channels, size] = Deno.args;
const { buffer } = await Deno.readFile(file);
const images = new Float32Array(buffer);
const [depth, side] = [Number(channels), Number(size)];
const count = images.length / (depth * side * side);
const session = await ort.InferenceSession.create(model);
const { logits } = await session.run({
  ["pixel_values"]: new ort.Tensor("float32", images, [
    count,
    depth,
    side,
    side,
  ]),
});
const text = JSON.stringify(Array.from(logits.data as Float32Array));
Deno.stdout.writeSync(new TextEncoder().encode(text));
Deno.exit(0);
