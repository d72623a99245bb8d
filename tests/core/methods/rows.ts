/**
 * What each method is held to, one row for each way of using it.
 *
 * Parameter counts are those of the papers' code on ViT-B/16, computed by hand
 * from the shapes that stand beside them.
 *
 * @module
 */

/** One way of using a method. */
export interface Row {
  /** Trainable numbers on ViT-B/16, without the head. */
  readonly parameters: number;
  /** Left out, the defaults. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Options that only the tiny model needs, which is 24 wide. */
  readonly tiny?: Readonly<Record<string, unknown>>;
  /** Why it does not start as the frozen model, where the source has it so. */
  readonly moved?: string;
}

/** Rows by method; a method without one fails. */
export const rows: Readonly<Record<string, readonly Row[]>> = {
  alore: [
    { parameters: 147_520 },
    {
      // 12 adapters of 2 · 768 · 2, and 2³ shared.
      parameters: 36_872,
      options: { experts: 2, rank: 2, place: "attn", scale: 0.5 },
    },
    {
      parameters: 18_433,
      options: { experts: 1, rank: 1, place: "mlp", scale: 3 },
    },
  ],
  full: [{ parameters: 85_798_656 }],
  linear: [{ parameters: 0 }],
};
