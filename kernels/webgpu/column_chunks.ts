import type { KernelCall, Place } from "../engine.ts";
import {
  attribute,
  type Dispatch,
  flatGrid,
  type LoweringContext,
} from "./kernel.ts";
import { forRows, type NumberShaders } from "./numbers.ts";
import { splitRows, sumPartials } from "./sum_partials.ts";

/** WGSL of their sizes, so that one pipeline serves all of them. */
export const CHUNKS_WGSL: string = /* wgsl */ `
// Rows of n Numbers, in chunks of so many rows.
struct Size { rows: u32, n: u32, chunk: u32, chunks: u32 }
`;

/**
 * Sums over the rows of a call of m × n: chunks of rows into scratch, then the
 * chunks of each result that is wanted.
 *
 * @param shaders They write a partial sum for each result behind `inputs`, 64
 * columns of Numbers by one chunk a workgroup, and have the uniform of
 * {@linkcode CHUNKS_WGSL}.
 */
export function columnChunks(
  call: KernelCall,
  context: LoweringContext,
  { shaders, inputs, results }: {
    readonly shaders: NumberShaders;
    readonly inputs: readonly Place[];
    readonly results: readonly {
      readonly y?: Place;
      readonly addend?: Place;
    }[];
  },
): Dispatch[] {
  const m = attribute(call, "m");
  const n = attribute(call, "n");
  const { size, chunks } = splitRows(m);
  const { shader, width } = forRows(shaders, n);
  const partials = results.map(() => context.scratch([chunks, n]));
  return [
    {
      shader,
      places: [...inputs, ...partials],
      constants: {},
      uniform: [m, width, size, chunks],
      grid: flatGrid(Math.ceil(width * chunks / 64)),
    },
    ...results.flatMap(({ y, addend }, i) =>
      y === undefined
        ? []
        : [sumPartials({ partial: partials[i], addend, y }, { n, chunks })]
    ),
  ];
}
