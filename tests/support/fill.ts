import { RandomStream } from "../../core/rng.ts";
import type { HostArray } from "../../kernels/engine.ts";
import type { Fill, KernelCase } from "./kernel_cases.ts";

/** Numbers for an input of a case, the same for the same seed. */
export function fill(input: Fill, seed: number): HostArray {
  const count = input.shape.reduce((product, size) => product * size, 1);
  const random = new RandomStream(seed, "case");
  switch (input.kind) {
    case "labels":
      // Every fifth row does not count.
      return Int32Array.from(
        { length: count },
        (_, i) => i % 5 === 4 ? -1 : random.below(input.classes),
      );
    case "key":
      return Int32Array.from({ length: count }, () => random.below(2 ** 31));
    case "values":
      return Float32Array.from(input.values);
    default: {
      const scale = input.kind === "large" ? 10 : 1;
      return Float32Array.from({ length: count }, () => {
        const value = scale * random.normal();
        return input.kind === "positive" ? Math.abs(value) + 0.1 : value;
      });
    }
  }
}

/** The inputs of a case, rounded to what an engine can hold. */
export function fillCase(test: KernelCase): (HostArray | undefined)[] {
  const inputs = test.inputs.map((input, i) => input && fill(input, i));
  if (!test.complete) return inputs;
  const exact = inputs.map((input) => input && Float64Array.from(input));
  return test.complete(exact).map((values) => Float32Array.from(values));
}
