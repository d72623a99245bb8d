/**
 * y = x·σ(1.702·x) and dx = dy·(σ + 1.702·x·σ·(1 - σ)): quick GELU with the
 * logistic function σ, and its gradient.
 *
 * @module
 */
import { activationKernels } from "./activation.ts";

/** The power of σ(1.702·v) is cut where f32 would overflow. */
const QUICK_GELU = /* wgsl */ `
fn logistic(v: vec4f) -> vec4f {
  return 1.0 / (1.0 + exp(min(-1.702 * v, vec4f(88.0))));
}

fn activated(x: vec4f) -> vec4f { return x * logistic(x); }

fn differentiated(dy: vec4f, x: vec4f) -> vec4f {
  let share = logistic(x);
  return dy * share * fma(1.702 * x, 1.0 - share, vec4f(1.0));
}
`;

/** quick GELU, and its gradient. */
export const [quickGelu, quickGeluGradient] = activationKernels(
  "quick_gelu",
  QUICK_GELU,
  "x",
);
