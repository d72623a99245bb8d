/**
 * Every tolerance of the tests, in one place.
 *
 * The error of a tensor is max |actual - wanted| / max |wanted|, as the golden
 * cases define it; a looser value needs its reason beside it.
 *
 * @module
 */

/** Largest relative error allowed per kind of result. */
export const TOLERANCE = {
  /** One kernel in float32 against the float64 reference. */
  kernel: 5e-6,
  /**
   * Attention over inputs of size ten: scores near 400 are rounded to 2e-5, and
   * the softmax passes that on as a relative error.
   */
  largeScores: 5e-5,
  /**
   * Results smaller than this are compared as if they were this large: inputs
   * are of order one, so such a result is a difference of larger numbers.
   */
  kernelFloor: 1e-2,
  /**
   * One kernel whose result is stored as f16, of operands that f16 holds exactly:
   * 11 bits, and adapters may round towards zero instead of to the nearest.
   */
  half: 2 ** -10 + 5e-6,
  /**
   * Growth of resident memory over 200 runs or 30 programs: allocators keep
   * some; one leaked 16 MiB buffer a program would be 480 MiB.
   */
  leakedBytes: 48 << 20,
  /**
   * What encoding a step keeps the main thread from its other work, in ms: a
   * tenth of a step of 50 ms.
   */
  encodingMs: 5,
  /** A gradient rule in float64 against central differences. */
  gradientCheck: 1e-6,
  /**
   * A whole model in float64: the slope along a random direction against central
   * differences with steps of 1e-5, relative to the gradient's length.
   */
  methodGradient: 1e-6,
  /**
   * A method against dense matrices, both models in float64: only the order of
   * the sums differs.
   */
  denseMethod: 1e-10,
  /** Golden cases, as their README states them. */
  logits: 2e-5,
  loss: 2e-5,
  /** Logits of an export in another program; its kernels round differently. */
  foreign: 2e-5,
  merged: 1e-5,
  learningRate: 1e-5,
  gradient: 1e-4,
  step: 1e-4,
  /**
   * The float64 reference engine: the expectations and AdamW's settings are
   * rounded to float32, and 1 - 0.999 keeps only five digits of it.
   */
  golden64: 5e-6,
  /** Position embeddings: torch computes the filter's weights in float32. */
  positions: 5e-6,
  /** An augmented image: float32, rounded after sampling and after colours. */
  augment: 1e-5,
  /** Grey levels of a flat area after JPEG, AVIF or a palette. */
  lossyLevels: 4,
} as const;

/**
 * Golden cases with frozen weights and activations as f16, whose 11 bits round
 * by up to 5e-4 at every layer; folding is in float64 of the f32 weights. Over
 * all cases llvmpipe was off by 3.0e-3 in logits, 2.4e-3 in losses, 8.4e-3 in
 * gradients and 2.7e-2 after three steps.
 */
export const HALF_TOLERANCE = {
  logits: 1e-2,
  loss: 1e-2,
  merged: TOLERANCE.merged,
  learningRate: TOLERANCE.learningRate,
  gradient: 2e-2,
  /** AdamW's first steps divide gradients by their size: small ones count too. */
  step: 5e-2,
} as const;
