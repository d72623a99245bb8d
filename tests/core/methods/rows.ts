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
  adapter: [
    { parameters: 156_768, moved: "its layers start Xavier uniform" },
    {
      // 24 of 2 · 768 · 3 + 3 + 768.
      parameters: 24 * (4608 + 3 + 768),
      options: { hidden: 3, place: "houlsby", scale: 0.5, dropout: 0 },
      moved: "its layers start Xavier uniform",
    },
  ],
  adaptformer: [
    { parameters: 1_189_632 },
    {
      parameters: 156_768,
      options: { hidden: 8, scale: 1, dropout: 0 },
    },
  ],
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
  bitfit: [{ parameters: 102_912 }],
  "fact-tk": [
    { parameters: 86_528 },
    { parameters: 30_976, options: { rank: 16, scale: 10, dropout: 0 } },
  ],
  "fact-tt": [
    { parameters: 61_440 },
    { parameters: 8_448, options: { rank: 4, scale: 0.1, dropout: 0 } },
  ],
  full: [{ parameters: 85_798_656 }],
  linear: [{ parameters: 0 }],
  lora: [
    { parameters: 294_912 },
    {
      // A block: 3 · 2 · 768 · 2, proj the same, fc1 and fc2 2 · 3840 each.
      parameters: 12 * (3 * 3072 + 3072 + 2 * 7680),
      options: { rank: 2, alpha: 3, targets: "q,k,v,proj,fc1,fc2" },
    },
    {
      parameters: 12 * 2 * 1536,
      options: { rank: 1, targets: "k,proj", dropout: 0.1 },
    },
  ],
  repadapter: [
    { parameters: 239_808 },
    {
      parameters: 119_904,
      options: { place: "attn", scale: 5, dropout: 0 },
    },
    {
      // 12 of 768 · 6 + 6 + 3 · 2 · 256 + 768.
      parameters: 12 * (4608 + 6 + 1536 + 768),
      options: { place: "mlp", hidden: 6, groups: 3, scale: 0.1 },
    },
  ],
  ssf: [{ parameters: 205_824, moved: "γ and β start with noise" }],
  "vpt-deep": [
    { parameters: 92_160, moved: "prompts take attention" },
    {
      parameters: 12 * 3 * 768,
      options: { prompts: 3, dropout: 0.2 },
      moved: "prompts take attention",
    },
  ],
  "vpt-shallow": [
    { parameters: 7_680, moved: "prompts take attention" },
    {
      parameters: 3 * 768,
      options: { prompts: 3, dropout: 0.2 },
      moved: "prompts take attention",
    },
  ],
};
