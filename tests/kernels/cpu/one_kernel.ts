import {
  alignPlace,
  byteLength,
  type HostArray,
  type Place,
  type Plan,
} from "../../../kernels/engine.ts";

/** One kernel call with numbers for its inputs. */
export interface KernelUse {
  kernel: string;
  attributes: Record<string, number>;
  inputs: (HostArray | undefined)[];
  /** Numbers of elements of the outputs. */
  outputs: (number | undefined)[];
}

/** A plan of one call; its inputs and outputs are named by index. */
export function onePlan(use: KernelUse): Plan {
  let arenaBytes = 0;
  const place = (count: number, dtype: "f32" | "i32"): Place => {
    const offset = arenaBytes;
    arenaBytes += alignPlace(byteLength([count]));
    return { block: 0, offset, shape: [count], dtype };
  };
  const inputs = use.inputs.map((array) =>
    array && place(array.length, array instanceof Int32Array ? "i32" : "f32")
  );
  const outputs = use.outputs.map((count) => count && place(count, "f32"))
    .map((output) => output === 0 ? undefined : output);
  const named = (prefix: string, places: (Place | undefined)[]) =>
    new Map(
      places.flatMap((place, i) => place ? [[`${prefix}${i}`, place]] : []),
    );
  return {
    label: use.kernel,
    arenaBytes,
    memories: [],
    calls: [{
      kernel: use.kernel,
      inputs,
      outputs,
      attributes: use.attributes,
    }],
    inputs: named("input", inputs),
    outputs: named("output", outputs),
  };
}

/** The inputs of a use by name. */
export function feeds(use: KernelUse): Record<string, HostArray> {
  return Object.fromEntries(
    use.inputs.flatMap((array, i) => array ? [[`input${i}`, array]] : []),
  );
}
