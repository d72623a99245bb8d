import { hinted } from "../errors.ts";
import type { ModelShape } from "./method.ts";

/**
 * Checks that the model has branches of the kind that a method's option `place`
 * names; `both` takes what there is.
 *
 * @param adapters What messages call the adapters.
 * @throws {RangeError} If it has none.
 */
export function checkPlace(
  adapters: string,
  place: number | string,
  { blocks }: ModelShape,
): void {
  const kinds = new Set(
    blocks.flatMap(({ branches }) => branches.map(({ kind }) => kind)),
  );
  if (place !== "attn" || kinds.has("attn")) return;
  throw hinted(
    new RangeError(
      `Cannot place the ${adapters}: got place attn and a model without ` +
        `attention, wanted mlp or both`,
    ),
    "--place mlp puts them before the first layer of every MLP",
  );
}
