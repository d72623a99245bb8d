/**
 * y = max(x, 0), and dx = dy where y > 0, else 0: ReLU and its gradient.
 *
 * @module
 */
import { activationKernels } from "./activation.ts";

const RELU = /* wgsl */ `
fn activated(x: vec4f) -> vec4f {
  return select(x, vec4f(0.0), x < vec4f(0.0));
}

fn differentiated(dy: vec4f, y: vec4f) -> vec4f {
  return select(vec4f(0.0), dy, y > vec4f(0.0));
}
`;

/** ReLU, and its gradient. */
export const [relu, reluGradient] = activationKernels("relu", RELU, "y");
