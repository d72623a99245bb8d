/**
 * Softmax cross-entropy with label smoothing.
 *
 * loss = mean over the rows with a label of -Σ q log softmax(logits), with
 * q = (1 - smoothing) · onehot + smoothing / classes. A negative label marks a
 * row that does not count, so that a last short batch can be padded.
 *
 * Shapes: logits `[batch, classes]`, labels `[batch]` i32, loss and correct
 * `[1]`; correct counts the rows whose largest logit is the label's.
 *
 * Source: Szegedy et al., Rethinking the Inception Architecture, 2016.
 *
 * @module
 */

import type { Op, Shape, Value } from "../graph/graph.ts";
import { checkCounts, present } from "./check.ts";

/** The forward op. */
export const crossEntropyOp: Op = {
  name: "cross_entropy",
  flops: ({ batch, classes }) => 6 * batch * classes,
  outputs(inputs, { batch, classes }): Shape[] {
    checkCounts("compute the loss", inputs, [
      ["logits", batch * classes],
      ["labels", batch],
    ]);
    return [[1], [1]];
  },
  reference([logits, labels], attributes): Float64Array[] {
    const { batch, classes, smoothing } = attributes;
    const [x, y] = [present(logits), present(labels)];
    let [loss, correct, rows] = [0, 0, 0];
    for (let i = 0; i < batch; i++) {
      if (y[i] < 0) continue;
      rows++;
      const row = x.subarray(i * classes, (i + 1) * classes);
      const log = logSoftmax(row);
      for (let c = 0; c < classes; c++) {
        loss -= target(c === y[i], smoothing, classes) * log[c];
      }
      if (row.indexOf(Math.max(...row)) === y[i]) correct++;
    }
    return [
      Float64Array.of(rows ? loss / rows : 0),
      Float64Array.of(correct),
    ];
  },
  gradient(node, [dloss]) {
    const [logits, labels] = node.inputs;
    if (!logits || !labels) return [];
    const inputs = [logits, labels, dloss];
    const apply = logits.graph.apply.bind(logits.graph);
    return apply(crossEntropyGradientOp, inputs, node.attributes).slice();
  },
};

/** The gradient towards the logits; without dloss it is taken as one. */
export const crossEntropyGradientOp: Op = {
  name: "cross_entropy_gradient",
  flops: ({ batch, classes }) => 6 * batch * classes,
  outputs(inputs, { batch, classes }): Shape[] {
    checkCounts("differentiate the loss", inputs, [
      ["logits", batch * classes],
      ["labels", batch],
      ["dloss?", 1],
    ]);
    return [[batch, classes]];
  },
  reference([logits, labels, dloss], attributes): Float64Array[] {
    const { batch, classes, smoothing } = attributes;
    const [x, y] = [present(logits), present(labels)];
    const rows = y.filter((label) => label >= 0).length;
    const dlogits = new Float64Array(batch * classes);
    for (let i = 0; i < batch; i++) {
      if (y[i] < 0) continue;
      const log = logSoftmax(x.subarray(i * classes, (i + 1) * classes));
      for (let c = 0; c < classes; c++) {
        const q = target(c === y[i], smoothing, classes);
        dlogits[i * classes + c] = (dloss ? dloss[0] : 1) *
          (Math.exp(log[c]) - q) / rows;
      }
    }
    return [dlogits];
  },
};

function target(hit: boolean, smoothing: number, classes: number): number {
  return (hit ? 1 - smoothing : 0) + smoothing / classes;
}

function logSoftmax(row: Float64Array): Float64Array {
  const largest = Math.max(...row);
  const sum = row.reduce((s, e) => s + Math.exp(e - largest), 0);
  return row.map((e) => e - largest - Math.log(sum));
}

/**
 * Computes the mean loss and the number of correct rows.
 *
 * @param logits `[batch, classes]`.
 * @param labels `[batch]`, i32, negative where a row does not count.
 * @param smoothing In [0, 1).
 */
export function crossEntropy(
  logits: Value,
  labels: Value,
  smoothing: number,
): { loss: Value; correct: Value } {
  const [batch, classes] = logits.shape;
  const attributes = { batch, classes, smoothing };
  const apply = logits.graph.apply.bind(logits.graph);
  const [loss, correct] = apply(crossEntropyOp, [logits, labels], attributes);
  return { loss, correct };
}
