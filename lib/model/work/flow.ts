/** Step 1 of the road: a graph as who reads whose values, without the nodes that run as nothing. */

import type { Shaped, ShapedBody, ShapedNode } from '../shaped.js';
import { intsOf, opKey, product } from './sizes.js';
import { twinFinder } from './twins.js';

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
  const fixed: boolean[][] = [];
  const twinOf = twinFinder();
  const root = (name: string) => roots.get(name) ?? name;
  const producer = (name: string) => producers.get(root(name)) ?? -1;
  const leavesBody = ({ node: { outputs } }: ShapedNode) => outputs.some((name) => Object.hasOwn(body.outputs, name));
  const runs = nodes.map((node, index) => {
    const given = node.inputs.map(
      (value, at) => !value || value.constant || isWorkedOut(value) || fromShapes.has(node.node.inputs[at] ?? ''),
    );
    fixed.push(given);
    const role = roleOf(node, given);
    const [input = '', output = ''] = [node.node.inputs[0], node.node.outputs[0]];
    const before = nodes[producer(input)];
    const twin = twinOf(node, role === 'same');
    if (role === 'fixed') for (const name of node.node.outputs) fromShapes.add(name);
    else if (role === 'view' || role === 'same') roots.set(output, root(input));
    else if (twin && ![node, twin].some(leavesBody))
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
    fixed: (node, input) => fixed[node]![input] ?? true,
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
    for (const name of namesRead(node)) {
      const list = readers.get(root(name));
      if (list === undefined) readers.set(root(name), [index]);
      else if (list.at(-1) !== index) list.push(index);
    }
  }
  for (const list of readers.values()) list.reverse();
  return readers;
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
const views = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Optional', 'OptionalGetElement']);
/** They give out their first input. */
const passing = new Set(['Identity', 'Dropout']);
const hasKnownSize = ({ inputs }: ShapedNode) => !inputs[0]!.shape!.includes(null);
/** Nodes that may turn out to do nothing, and what tells it once the shape is the same. */
const idle: Readonly<Record<string, (node: ShapedNode) => boolean>> = {
  Expand: hasKnownSize,
  Tile: hasKnownSize,
  Pad: hasKnownSize,
  Concat: ({ node }) => node.inputs.length === 1,
  Split: ({ node }) => node.outputs.length === 1,
  Cast: ({ inputs, outputs }) => inputs[0]!.dtype === outputs[0]!.dtype,
  Slice: (node) => hasKnownSize(node) && (!node.inputs[4] || isAbove(node.inputs[4], 0)),
  Add: (node) => node.inputs.some((input) => input?.constant && input.values?.length === 1 && input.values[0] === 0),
  Mul: (node) => node.inputs.some((input) => input?.constant && input.values?.length === 1 && input.values[0] === 1),
};

type Role = 'runs' | 'view' | 'same' | 'fixed';

function roleOf(node: ShapedNode, fixed: readonly boolean[]): Role {
  const { outputs, inputs } = node;
  if (outputs.length > 0 && outputs.every((output) => output.constant || isWorkedOut(output))) return 'fixed';
  const key = opKey(node);
  if (shapeQueries.has(key)) return 'fixed';
  if (node.bodies.length === 0 && fixed.every((each) => each) && outputs.every(isSmall)) return 'fixed';
  if (passing.has(key)) return 'same';
  if (views.has(key)) return 'view';
  const [input, output] = [inputs[0], outputs[0]];
  if (!input?.shape || !output?.shape || fixed[0]) return 'runs';
  if (key === 'Transpose') return keepsOrder(node) ? 'view' : 'runs';
  const isIdle = Object.hasOwn(idle, key) && String(input.shape) === String(output.shape) && idle[key]!(node);
  return isIdle ? 'same' : 'runs';
}

function isSmall({ shape }: Shaped): boolean {
  return shape !== null && product(shape) <= smallElements;
}

function isAbove({ values }: Shaped, least: number): boolean {
  return values?.every((value) => value !== null && value > least) ?? false;
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
