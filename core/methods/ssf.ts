/**
 * SSF: scales and shifts the output of every layer, channel by channel.
 *
 *     y = y · γ + β
 *
 * After the patch embedding, every normalisation and every linear layer, the
 * head left out. γ and β are `[channels]` of the layer's output. γ starts at 1
 * and β at 0, both with normal noise of deviation 0.02, as in the original code,
 * which has no dropout: unlike others, the method does not start as the frozen
 * model. It folds into the weight and bias of the layer itself.
 *
 * Source: Lian et al., Scaling & Shifting Your Features, 2022 (arXiv
 * 2210.08823), dongzelian/SSF.
 *
 * @module
 */

import { scaleShift } from "../ops/scale_shift.ts";
import {
  isHead,
  type Method,
  type MethodTensor,
  type ModelShape,
} from "./method.ts";

/** The method. */
export const ssf: Method = {
  name: "ssf",
  summary: "scales and shifts channels, folded away after training",
  source: "Lian et al., arXiv 2210.08823",
  // Better than 0.003 on the demo's validation images; the original scripts use
  // 1e-3 to 5e-2 by task.
  lr: 1e-2,
  options: [],
  trains: () => false,
  tensors: (_options, model) =>
    layersOf(model).flatMap(({ module, channels }): MethodTensor[] => [
      {
        name: `adapter.${module}.scale`,
        shape: [channels],
        init: { kind: "normal", std: 0.02, mean: 1 },
      },
      {
        name: `adapter.${module}.shift`,
        shape: [channels],
        init: { kind: "normal", std: 0.02 },
      },
    ]),
  hooks({ model, tensor }) {
    const modules = new Set(layersOf(model).map(({ module }) => module));
    return {
      output(module) {
        if (!modules.has(module)) return undefined;
        const [scale, shift] = ["scale", "shift"].map((part) =>
          tensor(`adapter.${module}.${part}`)
        );
        return (y) => scaleShift(y, scale, shift);
      },
    };
  },
  merge({ model, tensor, backbone }) {
    const merged = new Map<string, Float32Array>();
    for (const { module, channels } of layersOf(model)) {
      const scale = tensor(`adapter.${module}.scale`);
      const shift = tensor(`adapter.${module}.shift`);
      const weight = backbone(`${module}.weight`);
      const fan = weight.length / channels;
      merged.set(
        `${module}.weight`,
        weight.map((value, i) => value * scale[Math.floor(i / fan)]),
      );
      merged.set(
        `${module}.bias`,
        backbone(`${module}.bias`).map((value, i) =>
          value * scale[i] + shift[i]
        ),
      );
    }
    return merged;
  },
};

/** Layers with a weight and a bias of as many outputs. */
function layersOf(
  model: ModelShape,
): { module: string; channels: number }[] {
  return [...model.tensors].flatMap(([name, [channels]]) => {
    const module = name.replace(/\.weight$/, "");
    const bias = model.tensors.get(`${module}.bias`);
    return module === name || isHead(model, name) || bias?.[0] !== channels
      ? []
      : [{ module, channels }];
  });
}
