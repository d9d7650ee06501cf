/** Step 1 of the road: what the rule of an operator is given, and what it answers of the operator's outputs. */

import type { Attribute, Node, Tensor } from '../graph.js';
import type { DType } from '../profile.js';
import type { Shaped, ShapedBody } from '../shaped.js';

/** Sizes of a tensor, null for an unknown one. */
export type Dims = readonly (number | null)[];

/** Elements of a small tensor, row by row, null for an unknown one. */
export type Elements = readonly (number | null)[];

/** What is known of a sequence of tensors. */
export interface Sequence {
  readonly length: number | null;
  /** What all its tensors have in common; null when it is empty. */
  readonly element: Known | null;
  /** Each tensor, where they are few. */
  readonly items: readonly Known[] | null;
}

/** A value during inference. */
export interface Known extends Shaped {
  readonly shape: Dims | null;
  readonly values: Elements | null;
  /** Null for a tensor. */
  readonly sequence: Sequence | null;
}

/** A node that is to be shaped. */
export interface Call {
  readonly node: Node;
  /** Version of the operator set that the node's domain has here. */
  readonly version: number;
  /** Null for an optional input that is left out. */
  readonly inputs: readonly (Known | null)[];
}

/** What a rule knows of an output; the type of an output that it does not know is `undefined`. */
export interface Outcome {
  readonly dtype: DType;
  readonly shape: Dims | null | undefined;
  readonly values?: Elements | null;
  readonly stored?: Tensor | null;
  readonly sequence?: Sequence | null;
}

/** One outcome for each output; those it leaves out are unknown. */
export type Rule = (call: Call) => readonly Outcome[];

export type Rules = Readonly<Record<string, Rule>>;

/** A graph inside a node, shaped. */
export interface ShapedRun {
  readonly body: ShapedBody;
  /** In the order of the graph's outputs. */
  readonly results: readonly Known[];
}

/** The rule of an operator that holds graphs: it is given a way to shape them, by the attribute's name. */
export type FlowRule = (
  call: Call,
  run: (attribute: string, inputs: readonly (Known | null)[]) => ShapedRun | null,
) => { readonly outcomes: readonly Outcome[]; readonly bodies: readonly ShapedBody[] };

/** Most elements of a value that are followed. */
export const MOST_ELEMENTS = 1024;

/** Most axes of a tensor that are followed. */
export const MOST_AXES = 64;

export const unknown: Known = {
  dtype: 'undefined',
  shape: null,
  values: null,
  stored: null,
  constant: false,
  sequence: null,
};

/** Whether the optional input is there. */
export function has({ inputs }: Call, index: number): boolean {
  return (inputs[index] ?? null) !== null;
}

export function input({ inputs }: Call, index: number): Known {
  return inputs[index] ?? unknown;
}

export function dims({ inputs }: Call, index: number): Dims | null {
  return inputs[index]?.shape ?? null;
}

/** The type of the first of these inputs that has one. */
export function dtype({ inputs }: Call, ...indices: readonly number[]): DType {
  const found = indices.find((index) => (inputs[index]?.dtype ?? 'undefined') !== 'undefined');
  return found === undefined ? 'undefined' : inputs[found]!.dtype;
}

/** The elements of an input whose every element is known. */
export function numbers({ inputs }: Call, index: number): readonly number[] | null {
  const values = inputs[index]?.values ?? null;
  return values?.every((value) => value !== null) ? values : null;
}

/** The only element of an input. */
export function scalar({ inputs }: Call, index: number): number | null {
  const values = inputs[index]?.values ?? null;
  return values?.length === 1 ? values[0]! : null;
}

type AttributeOf<T> = Attribute extends infer A extends Attribute
  ? A extends unknown
    ? T extends A['type']
      ? A
      : never
    : never
  : never;

/** An attribute, if it is of one of these types. */
export function attribute<T extends Attribute['type']>(
  { node }: Call,
  name: string,
  ...types: readonly T[]
): AttributeOf<T> | null {
  const found = Object.hasOwn(node.attributes, name) ? node.attributes[name] : undefined;
  return found && (types as readonly string[]).includes(found.type) ? (found as AttributeOf<T>) : null;
}

export function int<T extends number | null>(call: Call, name: string, absent: T): number | T {
  return attribute(call, name, 'int')?.value ?? absent;
}

export function ints(call: Call, name: string): readonly number[] | null {
  return attribute(call, name, 'ints')?.values ?? null;
}

export function floats(call: Call, name: string): readonly number[] | null {
  return attribute(call, name, 'floats')?.values ?? null;
}

export function text(call: Call, name: string, absent: string): string {
  return attribute(call, name, 'string')?.value ?? absent;
}

/** How many entries the attribute's list has; null when it is absent or too long to be kept. */
export function listLength(call: Call, name: string): number | null {
  return attribute(call, name, 'ints', 'floats', 'strings')?.values?.length ?? null;
}

/** A list that newer operator sets take as an input and older ones as an attribute; undefined when it is not given, null when unknown. */
export function listed(call: Call, index: number, name: string): Elements | null | undefined {
  if (has(call, index)) return input(call, index).values;
  return ints(call, name) ?? undefined;
}

/** An output of the input's type and shape. */
export function like(call: Call, index = 0): Outcome {
  return { dtype: dtype(call, index), shape: dims(call, index) };
}

/** The first output has the type and shape of the first input. */
export const same: Rule = (call) => [like(call)];

/** The same rule for every operator of the list. */
export function each(rule: Rule, ops: readonly string[]): Rules {
  return Object.fromEntries(ops.map((op) => [op, rule]));
}

/** Every entry of a table as a rule. */
export function rulesOf<T>(table: Readonly<Record<string, T>>, rule: (entry: T) => Rule): Rules {
  return Object.fromEntries(Object.entries(table).map(([op, entry]) => [op, rule(entry)]));
}

/** Rules under the names of a domain other than the default one. */
export function ofDomain(domain: string, rules: Rules): Rules {
  return Object.fromEntries(Object.entries(rules).map(([op, rule]) => [`${domain}:${op}`, rule]));
}
