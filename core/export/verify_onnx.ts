import type { Split } from "../data/dataset.ts";
import { Batches } from "../train/batches.ts";
import type { ExportedModel } from "./exported_model.ts";

/** Pinned like an import. */
const PACKAGE: string = "npm:onnxruntime-web@1.30.0/wasm";

/**
 * Images in one run of the other program, whose memory never shrinks: 64 of 224
 * pixels would take more than the weights of a ViT-B/16 do.
 */
const BATCH = 8;

/**
 * Runs an ONNX file by onnxruntime-web, which is loaded by the first call: its
 * WebAssembly needs no permission but to read its own package.
 *
 * @param bytes The file.
 * @param split Images, `(count, size, size, 3)`.
 * @returns Logits, `[count, classes]`.
 */
export async function runOnnx(
  bytes: Uint8Array,
  { config, preprocess, classes }: ExportedModel,
  split: Split,
): Promise<Float32Array> {
  // Not a literal, or every start of the program would download it.
  const ort = await import(PACKAGE);
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(bytes);
  try {
    const { imageSize, channels } = config;
    const batches = new Batches(split, {
      batchSize: Math.min(BATCH, split.count),
      imageSize,
      preprocess,
      seed: 0,
    });
    const batch = batches.allocate();
    const logits = new Float32Array(split.count * classes.length);
    for (let step = 0; step < batches.steps; step++) {
      batches.fill(batch, step);
      const shape = [batch.labels.length, channels, imageSize, imageSize];
      const images = new ort.Tensor("float32", batch.images, shape);
      const result = await session.run({ ["pixel_values"]: images });
      const values = result.logits.data as Float32Array;
      const wanted = values.subarray(0, batch.count * classes.length);
      logits.set(wanted, step * batch.labels.length * classes.length);
    }
    return logits;
  } finally {
    await session.release();
  }
}
