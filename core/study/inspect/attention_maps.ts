import type { AttentionValues } from "./internals.ts";

/**
 * What the class token looks at: softmax(q₀ kᵀ / √(width / heads)) of each head,
 * in float64. It counts every token, the class token itself too, and each head
 * adds up to one.
 *
 * @returns `[images, heads, tokens]`.
 */
export function classAttention(
  { qkv, tokens, heads, width }: AttentionValues,
): Float64Array {
  const images = qkv.length / (3 * width * tokens);
  const size = width / heads;
  const found = new Float64Array(images * heads * tokens);
  for (let image = 0; image < images; image++) {
    const at = image * tokens * 3 * width;
    for (let head = 0; head < heads; head++) {
      const row = found.subarray(
        (image * heads + head) * tokens,
        (image * heads + head + 1) * tokens,
      );
      for (let key = 0; key < tokens; key++) {
        for (let c = head * size; c < (head + 1) * size; c++) {
          row[key] += qkv[at + c] * qkv[at + key * 3 * width + width + c];
        }
        row[key] /= Math.sqrt(size);
      }
      softmax(row);
    }
  }
  return found;
}

function softmax(row: Float64Array): void {
  const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
  row.forEach((score, i) => row[i] = Math.exp(score - largest));
  const sum = row.reduce((a, b) => a + b, 0);
  row.forEach((weight, i) => row[i] = weight / sum);
}
