import type { OptionSpec } from "./method.ts";

/** The options of ALoRE; defaults are the paper's setting. */
export const aloreOptions: readonly OptionSpec[] = [
  {
    name: "experts",
    kind: "integer",
    default: 4,
    minimum: 1,
    help: "experts per adapter; must divide the width",
  },
  {
    name: "rank",
    kind: "integer",
    default: 4,
    minimum: 1,
    help: "rank of each expert",
  },
  {
    name: "place",
    kind: "choice",
    default: "both",
    choices: ["attn", "mlp", "both", "after"],
    help: "adapters before the attention's first layer, the MLP's, or both; " +
      "or after the last layer of both",
  },
  {
    name: "share",
    kind: "choice",
    default: "network",
    choices: ["network", "kind", "adapter"],
    help: "what has one mixing tensor S: the whole network, all adapters of " +
      "a kind (attention, MLP), or each adapter",
  },
  {
    name: "mix",
    kind: "choice",
    default: "learned",
    choices: ["learned", "fixed"],
    help: "whether S is trained or stays as it starts",
  },
  {
    name: "scale",
    kind: "number",
    default: 1,
    help: "factor s on the experts",
  },
  {
    name: "scaling",
    kind: "choice",
    default: "fixed",
    choices: ["fixed", "learned"],
    help: "whether s stays, or is trained from there for each adapter",
  },
  {
    name: "dropout",
    kind: "number",
    default: 0,
    minimum: 0,
    below: 1,
    help: "dropout on what enters the experts while training",
  },
  {
    name: "expertDropout",
    kind: "number",
    default: 0,
    minimum: 0,
    below: 1,
    help: "probability that an expert is left out of a step",
  },
];
