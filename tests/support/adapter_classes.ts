import type { AdapterClass } from "../../kernels/webgpu/kernel.ts";

/** One of each that kernels are chosen by. */
export const adapterClasses: readonly AdapterClass[] = [
  { software: true, subgroups: true },
  { software: true },
  { software: false },
];
