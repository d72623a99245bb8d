/**
 * Turns a traced graph into a plan: which nodes run, and where each value lies.
 *
 * @module
 */

import {
  alignPlace,
  byteLength,
  type Engine,
  type KernelCall,
  type Memory,
  type Place,
  placeWithin,
  type Plan,
  type StorageType,
} from "../../kernels/engine.ts";
import type { Graph, Node, Value } from "./graph.ts";
import { halfValues } from "./half_values.ts";

/** What to plan. */
export interface PlanRequest {
  readonly label: string;
  readonly graph: Graph;
  /** Values to read after each run. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** Persistent memories by the region name that stored values use. */
  readonly memories: ReadonlyMap<string, Memory>;
  /** Values to be computed into a persistent memory. */
  readonly pins?: ReadonlyMap<Value, { region: string; offset: number }>;
  /**
   * Which operands of a kernel may be stored as f16: values that depend on an
   * input are where every kernel that touches them allows it, and neither the
   * caller nor a persistent memory gets them. Left out, none is.
   */
  readonly half?: Engine["half"];
  /** No value crosses the end of a buffer of this size; one buffer. */
  readonly bufferBytes?: number;
}

/** A value that needs room in the arena from one node to another. */
interface Lifetime {
  readonly value: Value;
  readonly bytes: number;
  readonly first: number;
  last: number;
}

/**
 * Plans a graph: drops what nobody reads, and packs the rest into one arena by
 * lifetime (largest first, each at the lowest offset that is free for its time).
 *
 * @returns A plan that an engine can compile.
 * @throws {RangeError} If a stored value names an unknown memory.
 * @throws {TypeError} If a kernel cannot read a value that is stored as f16.
 */
export function plan(request: PlanRequest): Plan {
  const { graph } = request;
  const pins = rootPins(request);
  const outputs = Object.entries(request.outputs);
  const keep = new Set<Value>(outputs.map(([, value]) => value.root));
  for (const value of pins.keys()) keep.add(value);
  const nodes = liveNodes(graph, keep);
  const half = halfValues(nodes, graph, keep, request.half);
  const typeOf = (value: Value): StorageType => {
    const { source, dtype } = value.root;
    if (source.kind === "stored") return source.dtype;
    return half.has(value.root) ? "f16" : dtype;
  };
  const lifetimes = findLifetimes(nodes, graph, keep, pins, typeOf);
  const { offsets, bytes } = pack(lifetimes, request.bufferBytes);
  const regions = [...request.memories.keys()];
  const placeOf = (value: Value): Place =>
    place(value, { offsets, pins, regions, typeOf });
  const read = readValues(nodes, keep);
  const calls = nodes.map((node): KernelCall => ({
    kernel: node.op.name,
    inputs: node.inputs.map((input) => input && placeOf(input)),
    outputs: node.outputs.map((output) =>
      read.has(output) ? placeOf(output) : undefined
    ),
    attributes: node.attributes,
  }));
  return {
    label: request.label,
    arenaBytes: bytes,
    memories: [...request.memories.values()],
    calls,
    inputs: new Map(
      [...graph.inputs].filter(([, value]) => offsets.has(value))
        .map(([name, value]) => [name, placeOf(value)]),
    ),
    outputs: new Map(outputs.map(([name, value]) => [name, placeOf(value)])),
  };
}

function rootPins(
  request: PlanRequest,
): Map<Value, { region: string; offset: number }> {
  const pins = new Map<Value, { region: string; offset: number }>();
  for (const [value, pin] of request.pins ?? []) {
    if (value.root.source.kind !== "node" || pins.has(value.root)) {
      throw new RangeError(
        `Cannot pin a value in ${pin.region}: got one that is stored ` +
          `elsewhere, wanted a result of its own`,
      );
    }
    pins.set(value.root, pin);
  }
  return pins;
}

/** Nodes that an output, a pin or a side effect depends on, in order. */
function liveNodes(graph: Graph, keep: ReadonlySet<Value>): Node[] {
  const needed = new Set(keep);
  const live: Node[] = [];
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    const node = graph.nodes[id];
    const used = node.outputs.some((output) => needed.has(output));
    if (!used && !node.op.mutates) continue;
    live.push(node);
    for (const input of node.inputs) if (input) needed.add(input.root);
  }
  return live.reverse();
}

/** Roots that some live node reads, or that the caller wants. */
function readValues(nodes: Node[], keep: ReadonlySet<Value>): Set<Value> {
  const read = new Set(keep);
  for (const node of nodes) {
    for (const input of node.inputs) if (input) read.add(input.root);
  }
  return read;
}

function findLifetimes(
  nodes: Node[],
  graph: Graph,
  keep: ReadonlySet<Value>,
  pins: ReadonlyMap<Value, unknown>,
  typeOf: (value: Value) => StorageType,
): Lifetime[] {
  const found = new Map<Value, Lifetime>();
  const open = (value: Value, first: number): void => {
    const bytes = alignPlace(byteLength(value.shape, typeOf(value)));
    // What the caller reads must outlive the last node.
    const last = keep.has(value) ? nodes.length : first;
    found.set(value, { value, bytes, first, last });
  };
  const read = readValues(nodes, keep);
  // Inputs are written before the first node, so none may share its time.
  for (const value of graph.inputs.values()) {
    if (read.has(value)) open(value, -1);
  }
  for (const [step, node] of nodes.entries()) {
    for (const output of node.outputs) {
      if (read.has(output) && !pins.has(output)) open(output, step);
    }
    for (const input of node.inputs) {
      const lifetime = input && found.get(input.root);
      if (lifetime) lifetime.last = Math.max(lifetime.last, step);
    }
  }
  return [...found.values()];
}

function pack(
  lifetimes: Lifetime[],
  bufferBytes?: number,
): { offsets: Map<Value, number>; bytes: number } {
  const offsets = new Map<Value, number>();
  const placed: { lifetime: Lifetime; offset: number }[] = [];
  let bytes = 0;
  for (const lifetime of lifetimes.toSorted((a, b) => b.bytes - a.bytes)) {
    let offset = 0;
    // `placed` is sorted by offset, so the first gap found is the lowest.
    for (const other of placed) {
      if (!overlaps(lifetime, other.lifetime)) continue;
      if (offset + lifetime.bytes <= other.offset) break;
      const end = Math.max(offset, other.offset + other.lifetime.bytes);
      offset = placeWithin(end, lifetime.bytes, bufferBytes);
    }
    const index = placed.findIndex((other) => other.offset > offset);
    placed.splice(index < 0 ? placed.length : index, 0, { lifetime, offset });
    offsets.set(lifetime.value, offset);
    bytes = Math.max(bytes, offset + lifetime.bytes);
  }
  return { offsets, bytes };
}

function overlaps(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last;
}

function place(
  value: Value,
  where: {
    offsets: ReadonlyMap<Value, number>;
    pins: ReadonlyMap<Value, { region: string; offset: number }>;
    regions: readonly string[];
    typeOf(value: Value): StorageType;
  },
): Place {
  const { shape, root } = value;
  const dtype = where.typeOf(value);
  const pin = root.source.kind === "stored"
    ? root.source
    : where.pins.get(root);
  if (!pin) {
    const offset = where.offsets.get(root);
    if (offset === undefined) {
      throw new RangeError("Cannot place a value: got one that is never made");
    }
    return { block: 0, offset, shape, dtype };
  }
  const block = where.regions.indexOf(pin.region) + 1;
  if (block === 0) {
    throw new RangeError(
      `Cannot place a value: got region "${pin.region}", wanted one of ` +
        where.regions.join(", "),
    );
  }
  return { block, offset: pin.offset, shape, dtype };
}
