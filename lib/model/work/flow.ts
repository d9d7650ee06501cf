/** Step 1 of the road: a graph as who reads whose values, without the nodes that run as nothing. */

import type { Shaped, ShapedBody, ShapedNode } from '../shaped.js';
import { intsOf, opKey, product } from './sizes.js';

/** Who makes and who reads the values of one body. A value is named after the node that made it, whatever shape it was given later. */
export interface Flow {
  readonly nodes: readonly ShapedNode[];
  /** Nodes that run: indices, in order. */
  readonly running: readonly number[];
  /** The value behind a name, through Reshape and the like. */
  readonly root: (name: string) => string;
  /** The running node that makes a value; -1 for inputs, stored values and those that take no work. */
  readonly producer: (name: string) => number;
  /** The running nodes that read a value, each once. */
  readonly readers: (name: string) => readonly number[];
  /** Every value that a node reads, those that the graphs inside it take from outside included. */
  readonly reads: (node: number) => readonly string[];
  /** Whether the value leaves the body. */
  readonly leaves: (name: string) => boolean;
  /** Whether an input needs no computation: stored, folded, or worked out from shapes. */
  readonly fixed: (node: number, input: number) => boolean;
}

/** Values this small that follow from shapes are worked out beside the model, in no time that counts. */
const smallElements = 1024;

export function flowOf(body: ShapedBody): Flow {
  const { nodes } = body;
  const roots = new Map<string, string>();
  const producers = new Map<string, number>();
  const fromShapes = new Set<string>();
  const seen = new Map<string, ShapedNode>();
  const root = (name: string) => roots.get(name) ?? name;
  const producer = (name: string) => producers.get(root(name)) ?? -1;
  const fixed = (node: number, input: number) => {
    const value = nodes[node]!.inputs[input];
    return !value || value.constant || isWorkedOut(value) || fromShapes.has(nodes[node]!.node.inputs[input] ?? '');
  };
  const runs = nodes.map((node, index) => {
    const role = roleOf(node, (input) => fixed(index, input));
    const [input = '', output = ''] = [node.node.inputs[0], node.node.outputs[0]];
    const before = nodes[producer(input)];
    const twin = role === 'runs' ? twinOf(node, seen, root) : null;
    if (role === 'fixed') for (const name of node.node.outputs) fromShapes.add(name);
    else if (role === 'view') roots.set(output, root(input));
    else if (twin)
      for (const [at, name] of node.node.outputs.entries()) roots.set(name, root(twin.node.outputs[at] ?? ''));
    else if (before && requantizes(before, node)) roots.set(output, root(before.node.inputs[0] ?? ''));
    else {
      for (const name of node.node.outputs) if (name !== '') producers.set(name, index);
      return true;
    }
    return false;
  });
  const leaving = new Set(Object.keys(body.outputs).map(root));
  const readers = readersOf(nodes, runs, leaving, root);
  const needed = (name: string) => leaving.has(root(name)) || readers.has(root(name));
  return {
    nodes,
    running: nodes.flatMap(({ node }, index) => (runs[index] && node.outputs.some(needed) ? [index] : [])),
    root,
    producer,
    readers: (name) => readers.get(root(name)) ?? [],
    reads: (node) => namesRead(nodes[node]!).map(root),
    leaves: (name) => leaving.has(root(name)),
    fixed,
  };
}

/** Who reads each value, in order; nodes whose values nobody needs do not count. */
function readersOf(
  nodes: readonly ShapedNode[],
  runs: readonly boolean[],
  leaving: ReadonlySet<string>,
  root: (name: string) => string,
): Map<string, number[]> {
  const readers = new Map<string, number[]>();
  for (let index = nodes.length - 1; index >= 0; index -= 1) {
    const node = nodes[index]!;
    if (!runs[index] || !node.node.outputs.some((name) => leaving.has(root(name)) || readers.has(root(name)))) continue;
    for (const name of new Set(namesRead(node).map(root))) {
      const list = readers.get(name);
      if (list === undefined) readers.set(name, [index]);
      else list.push(index);
    }
  }
  for (const list of readers.values()) list.reverse();
  return readers;
}

/** An earlier node that computes the same from the same. */
function twinOf(node: ShapedNode, seen: Map<string, ShapedNode>, root: (name: string) => string): ShapedNode | null {
  const { op, domain, inputs, outputs, attributes } = node.node;
  if (node.bodies.length > 0 || inputs.length === 0 || /^(Random|Bernoulli|Multinomial|Dropout)/.test(op)) return null;
  const key = [domain, op, outputs.length, ...inputs.map(root)].join('\0');
  const found = seen.get(key);
  if (found === undefined) seen.set(key, node);
  if (found === undefined || found.outputs.length !== outputs.length) return null;
  const [own, other] = [attributes, found.node.attributes];
  return own === other || JSON.stringify(own) === JSON.stringify(other) ? found : null;
}

/** Whether a value is dequantized and quantized again by the same scale. */
function requantizes({ node: before }: ShapedNode, { node: after }: ShapedNode): boolean {
  if (before.op !== 'DequantizeLinear' || after.op !== 'QuantizeLinear') return false;
  return before.inputs[1] === after.inputs[1] && before.inputs[2] === after.inputs[2];
}

/** The values that a node reads, those that the graphs inside it take from outside included. */
function namesRead({ node, bodies }: ShapedNode): string[] {
  const own = node.inputs.filter((name) => name !== '');
  return bodies.length === 0 ? own : [...own, ...bodies.flatMap(outerNames)];
}

/** Names that a body reads and does not define. */
function outerNames(body: ShapedBody): string[] {
  const defined = new Set([...Object.keys(body.inputs), ...body.nodes.flatMap(({ node }) => node.outputs)]);
  const read = [...body.nodes.flatMap(namesRead), ...Object.keys(body.outputs)];
  return read.filter((name) => !defined.has(name));
}

const shapeQueries = new Set(['Shape', 'Size']);
/** Other forms of their first input, in the same memory. */
const views = new Set([
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Identity',
  'Dropout',
  'Optional',
  'OptionalGetElement',
]);
/** Nodes that may turn out to do nothing, and what tells it once the shape is the same. */
const idle: Readonly<Record<string, (node: ShapedNode) => boolean>> = {
  Expand: () => true,
  Tile: () => true,
  Pad: () => true,
  Concat: ({ node }) => node.inputs.length === 1,
  Split: ({ node }) => node.outputs.length === 1,
  Cast: ({ inputs, outputs }) => inputs[0]!.dtype === outputs[0]!.dtype,
  Slice: (node) => !node.inputs[4] || (node.inputs[4].values?.every((step) => step !== null && step > 0) ?? false),
  Transpose: keepsOrder,
  Add: (node) => node.inputs.some((input) => input?.constant && input.values?.length === 1 && input.values[0] === 0),
  Mul: (node) => node.inputs.some((input) => input?.constant && input.values?.length === 1 && input.values[0] === 1),
};

function roleOf(node: ShapedNode, fixed: (input: number) => boolean): 'runs' | 'view' | 'fixed' {
  const { outputs, inputs } = node;
  if (outputs.length > 0 && outputs.every((output) => output.constant || isWorkedOut(output))) return 'fixed';
  const key = opKey(node);
  const small = outputs.every((output) => output.shape !== null && product(output.shape) <= smallElements);
  const worked =
    node.bodies.length === 0 && small && (shapeQueries.has(key) || inputs.every((_, input) => fixed(input)));
  if (worked || shapeQueries.has(key)) return 'fixed';
  if (views.has(key)) return 'view';
  const [input, output] = [inputs[0], outputs[0]];
  if (!input?.shape || !output?.shape || fixed(0) || !Object.hasOwn(idle, key)) return 'runs';
  const same = key === 'Transpose' || String(input.shape) === String(output.shape);
  return same && idle[key]!(node) ? 'view' : 'runs';
}

/** Whether every element is known without running the model. */
function isWorkedOut({ values }: Shaped): boolean {
  return values?.every((value) => value !== null) ?? false;
}

/** Whether only axes of one element change places. */
function keepsOrder(node: ShapedNode): boolean {
  const shape = node.inputs[0]!.shape!;
  const order = intsOf(node, 'perm') ?? shape.map((_, axis) => shape.length - 1 - axis);
  const long = order.filter((axis) => shape[axis] !== 1);
  return long.every((axis, at) => at === 0 || axis > long[at - 1]!);
}
