/** Step 1 of the road: nodes that run as one kernel, while they are being found. */

import type { Flow } from './flow.js';
import { opKey } from './sizes.js';

/** Nodes that run as one kernel. */
export interface Unit {
  /** The operator that gives the kernel its name. */
  readonly op: string;
  /** The node that decides the kernel's kind and product. */
  readonly anchor: number;
  /** All nodes, the anchor included. */
  readonly members: readonly number[];
  /** Nodes that only say how numbers are stored, and may belong to several units: DequantizeLinear. */
  readonly shared: readonly number[];
  /** Members that are worked into stored weights. */
  readonly folded: readonly number[];
  readonly quantized: boolean;
}

/** Which unit each node belongs to. Nodes in none stand alone in the end. */
export interface Units {
  readonly flow: Flow;
  readonly of: (Unit | undefined)[];
}

export function unit(op: string, anchor: number, members: readonly number[], rest: Partial<Unit> = {}): Unit {
  return { shared: [], folded: [], quantized: false, ...rest, op, anchor, members };
}

/** Makes the unit the owner of its members. */
export function claim(units: Units, made: Unit): void {
  for (const member of made.members) units.of[member] = made;
}

/** Whether a node runs and belongs to no unit yet. */
export function isFree(units: Units, node: number): boolean {
  return node >= 0 && units.of[node] === undefined;
}

export function keyOf({ flow }: Units, node: number): string {
  return node < 0 ? '' : opKey(flow.nodes[node]!);
}

/** The node whose value an input is; -1 where it is stored or comes from outside. */
export function sourceOf({ flow }: Units, node: number, input: number): number {
  return flow.fixed(node, input) ? -1 : flow.producer(flow.nodes[node]!.node.inputs[input] ?? '');
}

/** Inputs that are computed, by place. */
export function computedInputs({ flow }: Units, node: number): number[] {
  const found: number[] = [];
  for (let input = 0; input < flow.nodes[node]!.inputs.length; input += 1) {
    if (!flow.fixed(node, input)) found.push(input);
  }
  return found;
}

/** Whether a node takes one computed value; all else is fixed. */
export function isUnary(units: Units, node: number): boolean {
  const [first, ...others] = computedInputs(units, node);
  if (first === undefined) return false;
  const value = valueAt(units, node, first);
  return others.every((input) => valueAt(units, node, input) === value);
}

/** The value behind an input. */
export function valueAt({ flow }: Units, node: number, input: number): string {
  return flow.root(flow.nodes[node]!.node.inputs[input] ?? '');
}

/** The nodes that read a node's outputs; none when one of them leaves the graph. */
export function readersOf({ flow }: Units, node: number): readonly number[] {
  const { outputs } = flow.nodes[node]!.node;
  if (outputs.some(flow.leaves)) return [];
  return outputs.length === 1 ? flow.readers(outputs[0]!) : [...new Set(outputs.flatMap(flow.readers))];
}

/** The only reader of a node, if there is just one and no unit has it; -1 otherwise. */
export function nextOf(units: Units, node: number): number {
  if (node < 0) return -1;
  const [reader, second] = readersOf(units, node);
  return reader !== undefined && second === undefined && isFree(units, reader) ? reader : -1;
}
