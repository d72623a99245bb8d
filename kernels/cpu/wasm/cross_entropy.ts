/// <reference path="./globals.d.ts" />
/** Softmax cross-entropy with label smoothing; rows with label < 0 are out. */

import { log } from "./elementary.ts";
import { at, clearFloats, share } from "./simd.ts";
import { rowExp, rowMax } from "./softmax.ts";

/** The index of the first largest logit. */
function argmax(x: usize, n: i32): i32 {
  let best: i32 = 0;
  for (let j: i32 = 1; j < n; j++) {
    if (load<f32>(at(x, j)) > load<f32>(at(x, best))) best = j;
  }
  return best;
}

/** The sum of `n` floats in f64: a loss near 0 is log(1 + a little). */
function rowSum(x: usize, n: i32): f64 {
  let sum: f64 = 0;
  for (let j: i32 = 0; j < n; j++) sum += <f64> load<f32>(at(x, j));
  return sum;
}

/** Rows with a label. */
function labelled(labels: usize, batch: i32): i32 {
  let count: i32 = 0;
  for (let i: i32 = 0; i < batch; i++) {
    if (load<i32>(at(labels, i)) >= 0) count++;
  }
  return count;
}

/** Loss of each row (f64) and, behind all losses, whether it is correct. */
export function crossEntropyRows(
  logits: usize,
  labels: usize,
  results: usize,
  own: usize,
  ownBytes: i32,
  batch: i32,
  classes: i32,
  smoothing: f32,
  thread: i32,
  threads: i32,
): void {
  own += <usize> thread * <usize> ownBytes;
  const hits = results + (<usize> batch << 3);
  const end = share(batch, thread + 1, threads);
  for (let i = share(batch, thread, threads); i < end; i++) {
    const row = at(logits, i * classes);
    const label = load<i32>(at(labels, i));
    let loss: f64 = 0;
    if (label >= 0) {
      const top = rowMax(row, classes);
      rowExp(row, own, classes, 1, top);
      const sum = log(rowSum(own, classes));
      // -Σ q log p, with log p = (x - top) - sum.
      const even = <f64> smoothing / <f64> classes;
      loss = sum -
        (1 - <f64> smoothing) * <f64> (load<f32>(at(row, label)) - top);
      if (smoothing != 0) {
        let total: f64 = 0;
        for (let j: i32 = 0; j < classes; j++) {
          total += <f64> (load<f32>(at(row, j)) - top);
        }
        loss -= even * total;
      }
    }
    store<f64>(results + (<usize> i << 3), loss);
    const hit = label >= 0 && argmax(row, classes) == label;
    store<i32>(at(hits, i), hit ? 1 : 0);
  }
}

/** loss = the mean over labelled rows; correct = their hits. Either may be 0. */
export function crossEntropySum(
  results: usize,
  labels: usize,
  loss: usize,
  correct: usize,
  batch: i32,
  thread: i32,
  _threads: i32,
): void {
  if (thread != 0) return;
  let total: f64 = 0;
  let hits: i32 = 0;
  for (let i: i32 = 0; i < batch; i++) {
    total += load<f64>(results + (<usize> i << 3));
    hits += load<i32>(at(results + (<usize> batch << 3), i));
  }
  const rows = labelled(labels, batch);
  if (loss) store<f32>(loss, rows ? <f32> (total / <f64> rows) : 0);
  if (correct) store<f32>(correct, <f32> hits);
}

/** dlogits = (p - q)·dloss / labelled rows; dloss is 1 if absent. */
export function crossEntropyGradient(
  logits: usize,
  labels: usize,
  dloss: usize,
  dlogits: usize,
  batch: i32,
  classes: i32,
  smoothing: f32,
  thread: i32,
  threads: i32,
): void {
  const slope: f32 = dloss ? load<f32>(dloss) : 1;
  const factor = slope / <f32> max(labelled(labels, batch), 1);
  const rest = smoothing / <f32> classes;
  const end = share(batch, thread + 1, threads);
  for (let i = share(batch, thread, threads); i < end; i++) {
    const row = at(logits, i * classes), to = at(dlogits, i * classes);
    const label = load<i32>(at(labels, i));
    if (label < 0) {
      clearFloats(to, classes);
      continue;
    }
    const sum = rowExp(row, to, classes, 1, rowMax(row, classes));
    for (let j: i32 = 0; j < classes; j++) {
      const target: f32 = j == label ? <f32> 1 - smoothing + rest : rest;
      const p = load<f32>(at(to, j)) / sum;
      store<f32>(at(to, j), (p - target) * factor);
    }
  }
}
