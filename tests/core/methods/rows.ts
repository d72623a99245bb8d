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
    {
      // After proj and fc2: as many, and with s for each of 24 adapters.
      parameters: 147_544,
      options: { place: "after", scale: 0.7, scaling: "learned" },
    },
    {
      // Two tensors S of 4³.
      parameters: 147_456 + 2 * 64,
      options: { share: "kind", dropout: 0.1, expertDropout: 0.25 },
    },
    {
      parameters: 147_456 + 24 * 64,
      options: { share: "adapter", place: "after" },
    },
    { parameters: 147_456, options: { mix: "fixed" } },
    {
      parameters: 12 * (2 * 768 * 3 + 1),
      options: {
        experts: 3,
        rank: 3,
        place: "attn",
        share: "adapter",
        mix: "fixed",
        scaling: "learned",
      },
    },
  ],
  arc: [
    { parameters: 96_432, moved: "λ before the MLP starts Xavier uniform" },
    {
      // 768 · 7, and 12 of 7 + 768.
      parameters: 5_376 + 12 * 775,
      options: { hidden: 7, place: "attn", dropout: 0 },
    },
  ],
  bitfit: [{ parameters: 102_912 }],
  compacter: [
    { parameters: 57_088, moved: "none of its factors starts at zero" },
    {
      // 3³, and 24 of 3 · 2 · 256, 3 · 2 · 2 and 6 down, the same up but 768.
      parameters: 27 + 24 * (2 * 1536 + 2 * 12 + 6 + 768),
      options: { hidden: 6, products: 3, rank: 2 },
      moved: "none of its factors starts at zero",
    },
  ],
  consolidator: [
    { parameters: 304_128, moved: "its weights start uniform in ±0.001" },
    {
      parameters: 304_128,
      options: { groups: 384 },
      tiny: { groups: 4 },
      moved: "its weights start uniform in ±0.001",
    },
    {
      // 12 of 6,912 biases, and 9 · 768 · 8 + 768 · 32 weights.
      parameters: 12 * (6_912 + 55_296 - 768 * 8 + 3072 * 8),
      options: { groups: 96, dropout: 0.5 },
      tiny: { groups: 6 },
      moved: "its weights start uniform in ±0.001",
    },
  ],
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
