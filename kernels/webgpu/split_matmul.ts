/**
 * The axes of a matrix product. Operands keep their row lengths in the
 * attributes `aRow`, `bRow` and `yRow` when a part reads or writes only some
 * columns of them.
 *
 * @module
 */
import { elementBytes, type KernelCall, type Place } from "../engine.ts";
import { type Axis, countOf, sliceOf, unitOf } from "./split_axis.ts";

/** A part of a matrix: rows, columns and where they lie. */
interface Block {
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
}

/** The rectangle of a stored matrix with rows of `length` numbers. */
function blockOf(
  place: Place | undefined,
  length: number,
  { row, column, rows, columns }: Block,
): Place | undefined {
  if (!place) return undefined;
  const first = row * length + column;
  const end = (row + rows - 1) * length + column + columns;
  return sliceOf(place, first, end - first);
}

/** The ways to cut a product, by rows, by columns and along the sum. */
export function matmulAxes(call: KernelCall): Axis[] {
  const { m, n, k } = call.attributes;
  const [a, b, bias, residual] = call.inputs as [Place, Place, Place?, Place?];
  const [y, pre] = call.outputs as [Place, Place?];
  const lengths = lengthsOf(call);
  const { transA, transB } = call.attributes;
  const wide = [y, pre, residual].filter((place) => place !== undefined);
  const bytes = (places: Place[], length: number) =>
    new Map(places.map((place) => [place, elementBytes(place.dtype) * length]));
  const axis = (
    rows: number,
    unit: number,
    rowBytes: Map<Place, number>,
    parts: (first: number, count: number) => Span,
  ): Axis => ({
    rows,
    unit,
    rowBytes,
    cut: (at) => [
      partOf(call, parts(0, at)),
      partOf(call, parts(at, rows - at)),
    ],
  });
  const whole = { m: [0, m], n: [0, n], k: [0, k] } as const;
  const axes = [
    axis(
      m,
      common([[a, transA ? 1 : lengths.aRow], ...rowsOf(wide, lengths.yRow)]),
      new Map([
        ...bytes(transA ? [] : [a], lengths.aRow),
        ...bytes(wide, lengths.yRow),
      ]),
      (first, count) => ({ ...whole, m: [first, count] }),
    ),
    axis(
      n,
      common([[b, transB ? lengths.bRow : 1], ...rowsOf([...wide, bias], 1)]),
      bytes(transB ? [b] : [], lengths.bRow),
      (first, count) => ({ ...whole, n: [first, count] }),
    ),
  ];
  if (call.attributes.activation === 0 && !pre) {
    axes.push({
      ...axis(
        k,
        common([
          [a, transA ? lengths.aRow : 1],
          [b, transB ? 1 : lengths.bRow],
        ]),
        new Map([
          ...bytes(transA ? [a] : [], lengths.aRow),
          ...bytes(transB ? [] : [b], lengths.bRow),
        ]),
        (first, count) => ({ ...whole, k: [first, count] }),
      ),
      cut(at, allocate) {
        // The second part adds its sum to that of the first.
        const first = partOf(call, { ...whole, k: [0, at] });
        const second = partOf(call, { ...whole, k: [at, k - at] });
        const sum = allocate([countOf(y)]);
        const [own, other] = second.inputs;
        return [
          { ...first, outputs: [sum] },
          { ...second, inputs: [own, other, undefined, sum] },
        ];
      },
    });
  }
  return axes;
}

/** The first row or column and their number, along each axis. */
type Span = Record<"m" | "n" | "k", readonly [number, number]>;

/** Lengths of the operands' rows in memory. */
function lengthsOf(
  { attributes }: KernelCall,
): Record<"aRow" | "bRow" | "yRow", number> {
  const { m, n, k, transA, transB } = attributes;
  return {
    aRow: attributes.aRow ?? (transA ? m : k),
    bRow: attributes.bRow ?? (transB ? k : n),
    yRow: attributes.yRow ?? n,
  };
}

function partOf(call: KernelCall, { m, n, k }: Span): KernelCall {
  const { transA, transB } = call.attributes;
  const { aRow, bRow, yRow } = lengthsOf(call);
  const [a, b, bias, residual] = call.inputs;
  const block = (
    [row, rows]: readonly [number, number],
    [column, columns]: readonly [number, number],
  ): Block => ({ row, rows, column, columns });
  const wide = (place: Place | undefined) => blockOf(place, yRow, block(m, n));
  return {
    kernel: call.kernel,
    inputs: [
      blockOf(a, aRow, transA ? block(k, m) : block(m, k)),
      blockOf(b, bRow, transB ? block(n, k) : block(k, n)),
      bias && sliceOf(bias, n[0], n[1]),
      wide(residual),
    ],
    outputs: call.outputs.map(wide),
    attributes: {
      ...call.attributes,
      m: m[1],
      n: n[1],
      k: k[1],
      aRow,
      bRow,
      yRow,
    },
  };
}

/** An operand and the numbers of one of its rows. */
type Rows = readonly [place: Place | undefined, length: number];

function rowsOf(
  places: readonly (Place | undefined)[],
  length: number,
): Rows[] {
  return places.map((place) => [place, length]);
}

/** A number of rows of each operand that begins at a multiple of 256 bytes. */
function common(rows: readonly Rows[]): number {
  const units = rows.map(([place, length]) =>
    place ? unitOf(elementBytes(place.dtype) * length) : 1
  );
  return Math.max(...units);
}
