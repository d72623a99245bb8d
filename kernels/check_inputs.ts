import { byteLength, type HostArray, type Plan } from "./engine.ts";

/**
 * Checks the inputs of a run against its plan.
 *
 * @throws {TypeError} If one is missing, unknown, or of another length or type.
 */
export function checkInputs(
  { label, inputs: wanted }: Pick<Plan, "label" | "inputs">,
  inputs: Readonly<Record<string, HostArray>>,
): void {
  for (const name of Object.keys(inputs)) {
    if (wanted.has(name)) continue;
    throw new TypeError(
      `Cannot run the ${label}: got input "${name}", wanted one of ` +
        [...wanted.keys()].join(", "),
    );
  }
  for (const [name, { dtype, shape }] of wanted) {
    const data = inputs[name];
    if (data === undefined) {
      throw new TypeError(
        `Cannot run the ${label}: got no input "${name}", wanted ${dtype} ` +
          `[${shape}]`,
      );
    }
    const fits = dtype === "f32"
      ? data instanceof Float32Array
      : data instanceof Int32Array;
    if (fits && data.byteLength === byteLength(shape)) continue;
    throw new TypeError(
      `Cannot run the ${label}: got ${data?.constructor?.name} of ` +
        `${data?.length} as input "${name}", wanted ${dtype} [${shape}]`,
    );
  }
}
